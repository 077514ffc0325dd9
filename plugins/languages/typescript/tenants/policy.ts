// Policy: a session belongs to the client certificate, and by setting to the network, that made it.
//
// The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.

import {
  type Connection,
  type GetVerdict,
  type NewVerdict,
  Policy,
  ServerNames,
  type Session,
  type Settings,
  exportsOf,
  isValidAt,
  observe,
} from "@reprise/sdk";

import { NetworkPrefixes, Owner } from "./owner.js";
import { Tenant } from "./tenant.js";

/** Why a session is not kept or not resumed: the name of the counter that tells. */
type Objection =
  | "no_certificate" | "unverified" | "not_valid_now" | "not_of_tenant" | "no_peer" | "no_owner" | "other_owner";

/** To whom sessions belong. */
export class Tenants extends Policy {
  readonly #requireCertificate: boolean;
  readonly #prefixes: NetworkPrefixes;
  readonly #tenants: ServerNames<Tenant>;

  constructor(settings: Settings) {
    super(settings);
    this.#requireCertificate = settings.flag("require-certificate") ?? false;
    this.#prefixes = new NetworkPrefixes(settings.number("ipv4-prefix", 0, 32), settings.number("ipv6-prefix", 0, 128));
    this.#tenants = ServerNames.read(settings, "tenant", (table) => new Tenant(table));
  }

  override newSession(connection: Connection, session: Session): NewVerdict {
    const owner = this.#owner(connection, session);
    if (owner instanceof Owner) return { keep: { note: owner.toNote() } };
    observe.count(owner);
    return "refuse";
  }

  override getSession(connection: Connection, candidate: Session): GetVerdict {
    const objection = this.#objectionTo(connection, candidate);
    if (!objection) return "resume";
    observe.count(objection);
    return "full-handshake";
  }

  #objectionTo(connection: Connection, candidate: Session): Objection | undefined {
    const wanted = this.#owner(connection, candidate);
    if (!(wanted instanceof Owner)) return wanted;
    const noted = candidate.note ? Owner.ofNote(candidate.note) : undefined;
    if (!noted) return "no_owner";
    return noted.equals(wanted) ? undefined : "other_owner";
  }

  /** To whom `session` would belong on `connection`, by the settings of today. */
  #owner(connection: Connection, session: Session): Owner | Objection {
    const tenant = connection.serverName === null ? undefined : this.#tenants.find(connection.serverName);
    const certificate = session.peerCertificate;
    if (!certificate) {
      if (this.#requireCertificate || tenant) return "no_certificate";
    } else {
      if (!certificate.verified) return "unverified";
      if (!isValidAt(certificate, connection.now)) return "not_valid_now";
      if (tenant && !tenant.owns(certificate)) return "not_of_tenant";
      if (certificate.sha256.length !== 32) return "unverified";
    }
    const network = this.#prefixes.networkOf(connection);
    return network === "no_peer" ? network : new Owner(certificate?.sha256, network);
  }
}

export const { settings, newSession, getSession } = exportsOf(Tenants);
