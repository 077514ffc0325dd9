/** For unit tests of policies, which run under node: facts to ask a policy about, and what it counted. The facts are those of
 * every SDK's tests, and of vectors (docs/conformance.md). Run them with `node --import @reprise/sdk/register --test`. */

import type { Certificate, Connection, Policy, Session, Settings } from "./index.js";

/** The time at which everything here happens: 2030-01-01T00:00:00Z. */
export const NOW: number;

/** A connection to `a.example` from 192.0.2.1, at `NOW`, with these changes. */
export function connection(changes?: Partial<Connection>): Connection;

/** A TLS 1.3 session of `a.example`, authenticated at `NOW` without a client certificate, good for a day. */
export function session(changes?: Partial<Session>): Session;

/** A verified client certificate, valid for an hour on either side of `NOW`. */
export function certificate(changes?: Partial<Certificate>): Certificate;

/** A policy configured as the host would, from dotted and repeated keys; throws what the operator would be told. */
export function configured<P extends Policy>(Class: new (settings: Settings) => P, pairs?: [string, string][]): P;

/** The sum of what was counted under `name`. */
export function counted(name: string): number;
