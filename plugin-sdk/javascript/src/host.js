// What the host offers. Under node, `@reprise/sdk/register` has these imports answered by ./testing.js.

import * as observeImport from "reprise:session-cache/observe@0.1.0";
import * as stateImport from "reprise:session-cache/state@0.1.0";

export const observe = {
  count: (name, by = 1) => observeImport.count(name, by),
  debug: (message) => observeImport.log("debug", message),
  info: (message) => observeImport.log("info", message),
  warn: (message) => observeImport.log("warn", message),
  error: (message) => observeImport.log("error", message),
};

// QuickJS has no console of its own.
globalThis.console ??= Object.fromEntries(
  Object.entries({ log: "info", info: "info", debug: "debug", warn: "warn", error: "error" }).map(([name, level]) => [
    name,
    (...values) => observe[level](values.map(shown).join(" ")),
  ]),
);

function shown(value) {
  return typeof value === "object" && !(value instanceof Error) ? JSON.stringify(value) : String(value);
}

export const state = {
  get: (key) => stateImport.get(key) ?? undefined,
  set: (key, value, ttl) => stateImport.set(key, value, ttl),
  increment: (key, by, ttl) => stateImport.increment(key, by, ttl),
  delete: (key) => stateImport.delete(key),
};
