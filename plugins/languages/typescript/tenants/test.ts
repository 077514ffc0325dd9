// What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Connection, Session } from "@reprise/sdk";
import { certificate, configured, connection, counted, session } from "@reprise/sdk/testing";

import { Tenants } from "./policy.js";
import { endsInNames } from "./tenant.js";

/** The session as the store has it: with the note that the policy attached. */
function kept(policy: Tenants, connection: Connection, session: Session): Session {
  const verdict = policy.newSession(connection, session);
  assert.ok(verdict !== "refuse" && verdict.keep.note);
  return { ...session, note: verdict.keep.note };
}

test("a session resumes for the certificate that it was kept for", () => {
  const policy = configured(Tenants);
  const stored = kept(policy, connection(), session({ peerCertificate: certificate() }));
  assert.equal(policy.getSession(connection(), stored), "resume");
  const other = { ...stored, peerCertificate: certificate({ sha256: new Uint8Array(32) }) };
  assert.equal(policy.getSession(connection(), other), "full-handshake");
  assert.equal(counted("other_owner"), 1);
});

test("a session stays in its network", () => {
  const policy = configured(Tenants, [["ipv4-prefix", "24"]]);
  const stored = kept(policy, connection(), session());
  assert.equal(policy.getSession(connection({ peer: "192.0.2.254" }), stored), "resume");
  assert.equal(policy.getSession(connection({ peer: "192.0.3.1" }), stored), "full-handshake");
});

test("a subject ends in whole names", () => {
  assert.ok(endsInNames("CN=x,O=A,C=DE", "O=A,C=DE"));
  assert.ok(!endsInNames("CN=x\\,O=A,C=DE", "O=A,C=DE"));
});

test("settings that make no sense are told", () => {
  const message = "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`";
  assert.throws(() => configured(Tenants, [["ipv4-prefix", "33"]]), { message });
});
