// Policy: a session belongs to the client certificate, and by setting to the network, that made it.
//
// The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.

import { Policy, ServerNames, exportsOf, isValidAt, observe } from "@reprise/sdk";

import { NetworkPrefixes, ownerOfNote, sameOwner, toNote } from "./owner.js";
import { Tenant } from "./tenant.js";

/** Why a session is not kept or not resumed; its message is the name of the counter that tells. */
class Objection extends Error {}

export class Tenants extends Policy {
  constructor(settings) {
    super(settings);
    this.requireCertificate = settings.flag("require-certificate") ?? false;
    this.prefixes = new NetworkPrefixes(settings.number("ipv4-prefix", 0, 32), settings.number("ipv6-prefix", 0, 128));
    this.tenants = ServerNames.read(settings, "tenant", (table) => new Tenant(table));
  }

  newSession(connection, session) {
    return objecting("refuse", () => ({ keep: { note: toNote(this.#owner(connection, session)) } }));
  }

  getSession(connection, candidate) {
    return objecting("full-handshake", () => {
      const wanted = this.#owner(connection, candidate);
      const noted = candidate.note ? ownerOfNote(candidate.note) : undefined;
      if (!noted) throw new Objection("no_owner");
      if (!sameOwner(noted, wanted)) throw new Objection("other_owner");
      return "resume";
    });
  }

  /** To whom `session` would belong on `connection`, by the settings of today. */
  #owner(connection, session) {
    const tenant = connection.serverName === null ? undefined : this.tenants.find(connection.serverName);
    const certificate = session.peerCertificate;
    if (!certificate) {
      if (this.requireCertificate || tenant) throw new Objection("no_certificate");
    } else {
      if (!certificate.verified) throw new Objection("unverified");
      if (!isValidAt(certificate, connection.now)) throw new Objection("not_valid_now");
      if (tenant && !tenant.owns(certificate)) throw new Objection("not_of_tenant");
      if (certificate.sha256.length !== 32) throw new Objection("unverified");
    }
    const network = this.prefixes.networkOf(connection);
    if (network === null) throw new Objection("no_peer");
    return { certificate: certificate?.sha256, network };
  }
}

/** What `decide` answers, or `verdict` where it objects, which is counted. */
function objecting(verdict, decide) {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof Objection)) throw error;
    observe.count(error.message);
    return verdict;
  }
}

export const { settings, newSession, getSession } = exportsOf(Tenants);
