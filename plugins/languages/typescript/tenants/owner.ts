// Whom a session belongs to, and how that is written into its note.

import { type Connection, Network } from "@reprise/sdk";

/** The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread. */
const FORMAT = 1;

/** What a session belongs to. Each part that is there has to be the same when the session is offered. */
export class Owner {
  /** The SHA-256 of the client certificate that was shown in the full handshake. */
  readonly certificate: Uint8Array | undefined;
  /** The network that the client was in. */
  readonly network: Network | undefined;

  constructor(certificate: Uint8Array | undefined, network: Network | undefined) {
    this.certificate = certificate;
    this.network = network;
  }

  /** The format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one. */
  toNote(): Uint8Array {
    const { certificate, network } = this;
    return Uint8Array.of(FORMAT, certificate ? 1 : 0, ...(certificate ?? []), ...(network?.toBytes() ?? []));
  }

  /** undefined for what `toNote` did not write. */
  static ofNote(note: Uint8Array): Owner | undefined {
    const [format, has] = note;
    if (format !== FORMAT || has === undefined || has > 1) return undefined;
    const end = has === 1 ? 34 : 2;
    if (note.length < end) return undefined;
    const certificate = has === 1 ? note.slice(2, end) : undefined;
    if (note.length === end) return new Owner(certificate, undefined);
    const network = Network.fromBytes(note.slice(end));
    return network && new Owner(certificate, network);
  }

  equals(other: Owner): boolean {
    const same = (one?: Uint8Array, two?: Uint8Array) =>
      one && two ? one.length === two.length && one.every((byte, i) => byte === two[i]) : one === two;
    return same(this.certificate, other.certificate) && same(this.network?.toBytes(), other.network?.toBytes());
  }
}

/** How long the prefix is that peers of one network share; undefined does not bind sessions to networks. */
export class NetworkPrefixes {
  readonly ipv4: number | undefined;
  readonly ipv6: number | undefined;

  constructor(ipv4: number | undefined, ipv6: number | undefined) {
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
  }

  /** The network that a session made or offered on `connection` is bound to. */
  networkOf(connection: Connection): Network | undefined | "no_peer" {
    if (this.ipv4 === undefined && this.ipv6 === undefined) return undefined;
    const peer = connection.peer === null ? undefined : Network.addressOf(connection.peer);
    if (!peer) return "no_peer";
    const prefix = peer.length === 4 ? this.ipv4 : this.ipv6;
    return prefix === undefined ? undefined : Network.of(peer, prefix);
  }
}
