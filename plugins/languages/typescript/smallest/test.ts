import assert from "node:assert/strict";
import { test } from "node:test";

import { NOW, configured, connection, session } from "@reprise/sdk/testing";

import { Fresh } from "./policy.js";

test("a session resumes within an hour of its full handshake", () => {
  const policy = configured(Fresh);
  assert.equal(policy.getSession(connection({ now: NOW + 3600 }), session()), "resume");
  assert.equal(policy.getSession(connection({ now: NOW + 3601 }), session()), "full-handshake");
});
