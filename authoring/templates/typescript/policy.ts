// Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

import {
  type Connection,
  type GetVerdict,
  type NewVerdict,
  Policy,
  type Session,
  type Settings,
  exportsOf,
} from "@reprise/sdk";

export class Cautious extends Policy {
  private readonly names: (string | null)[];

  constructor(settings: Settings) {
    super(settings);
    this.names = settings.serverNames("name");
  }

  override newSession(connection: Connection, session: Session): NewVerdict {
    if (!this.names.includes(session.serverName)) return { keep: {} };
    if (connection.peer === null) return { keep: { lifetime: 600 } };
    return { keep: { lifetime: 600, note: Uint8Array.from(connection.peer, (c) => c.charCodeAt(0)) } };
  }

  override getSession(connection: Connection, candidate: Session): GetVerdict {
    if (candidate.note === null) return "resume";
    return String.fromCharCode(...candidate.note) === connection.peer ? "resume" : "full-handshake";
  }
}

export const { settings, newSession, getSession } = exportsOf(Cautious);
