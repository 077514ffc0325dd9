// Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

import { Policy, exportsOf } from "@reprise/sdk";

export class Cautious extends Policy {
  constructor(settings) {
    super(settings);
    this.names = settings.serverNames("name");
  }

  newSession(connection, session) {
    if (!this.names.includes(session.serverName)) return { keep: {} };
    const note = connection.peer === null ? undefined : Uint8Array.from(connection.peer, (c) => c.charCodeAt(0));
    return { keep: { lifetime: 600, note } };
  }

  getSession(connection, candidate) {
    if (candidate.note === null) return "resume";
    return String.fromCharCode(...candidate.note) === connection.peer ? "resume" : "full-handshake";
  }
}

export const { settings, newSession, getSession } = exportsOf(Cautious);
