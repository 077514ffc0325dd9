// Policy: a session resumes within an hour of its full handshake.

import { type Connection, type GetVerdict, Policy, type Session, exportsOf } from "@reprise/sdk";

export class Fresh extends Policy {
  override getSession(connection: Connection, candidate: Session): GetVerdict {
    return connection.now > candidate.authenticated + 3600 ? "full-handshake" : "resume";
  }
}

export const { settings, getSession } = exportsOf(Fresh);
