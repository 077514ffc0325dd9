// Policy: a session resumes within an hour of its full handshake.

import { Policy, exportsOf } from "@reprise/sdk";

export class Fresh extends Policy {
  getSession(connection, candidate) {
    return connection.now > candidate.authenticated + 3600 ? "full-handshake" : "resume";
  }
}

export const { settings, getSession } = exportsOf(Fresh);
