// Whom a session belongs to, and how that is written into its note.

import { Network } from "@reprise/sdk";

/** The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread. */
const FORMAT = 1;

/** The format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one. */
export function toNote({ certificate, network }) {
  return Uint8Array.of(FORMAT, certificate ? 1 : 0, ...(certificate ?? []), ...(network?.toBytes() ?? []));
}

/** undefined for what `toNote` did not write. */
export function ownerOfNote(note) {
  if (note.length < 2 || note[0] !== FORMAT || note[1] > 1) return undefined;
  const end = note[1] === 1 ? 34 : 2;
  if (note.length < end) return undefined;
  const certificate = note[1] === 1 ? note.slice(2, end) : undefined;
  if (note.length === end) return { certificate, network: undefined };
  const network = Network.fromBytes(note.slice(end));
  return network && { certificate, network };
}

/** Whether each part that one has is the same in the other. */
export function sameOwner(one, other) {
  return sameBytes(one.certificate, other.certificate) && sameBytes(one.network?.toBytes(), other.network?.toBytes());
}

function sameBytes(one, other) {
  if (!one || !other) return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** How long the prefix is that peers of one network share; undefined does not bind sessions to networks. */
export class NetworkPrefixes {
  constructor(ipv4, ipv6) {
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
  }

  /** The network that a session is bound to, undefined for none; null if nobody said where the connection comes from. */
  networkOf(connection) {
    if (this.ipv4 === undefined && this.ipv6 === undefined) return undefined;
    const peer = connection.peer === null ? undefined : Network.addressOf(connection.peer);
    if (!peer) return null;
    const prefix = peer.length === 4 ? this.ipv4 : this.ipv6;
    return prefix === undefined ? undefined : Network.of(peer, prefix);
  }
}
