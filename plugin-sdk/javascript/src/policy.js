// From a class to a module's exports.

import { observe } from "./host.js";
import { Settings } from "./settings.js";

export class Policy {
  constructor(_settings) {}

  newSession(_connection, _session) {
    return { keep: {} };
  }

  getSession(_connection, _candidate) {
    return "resume";
  }

  removeSession(_id, _session, _why) {
    return "host-default";
  }
}

export function exportsOf(Class) {
  let configured;
  const policy = () => (configured ??= new Settings([]).read((settings) => new Class(settings)));
  return {
    settings: {
      configure(pairs) {
        try {
          configured = new Settings(pairs).read((settings) => new Class(settings));
        } catch (error) {
          // What is thrown is the error that the operator is shown.
          throw error instanceof Error ? error.message : String(error);
        }
      },
    },
    newSession: { decide: logged((connection, session) => verdictOf(policy().newSession(connection, session))) },
    getSession: { decide: logged((connection, candidate) => policy().getSession(connection, candidate)) },
    removeSession: { decide: logged((id, session, why) => policy().removeSession(id, session ?? undefined, why)) },
  };
}

// The interface's variant, with a none for each term that was left out.
function verdictOf(verdict) {
  if (verdict === "refuse") return { tag: "refuse" };
  const { lifetime = null, singleUse = null, reach = null, priority = null, note = null, attributes = [] } = verdict.keep;
  return { tag: "keep", val: { lifetime, singleUse, reach, priority, note, attributes } };
}

// An exception is a trap that does not say why, unless it is logged first.
function logged(callback) {
  return (...facts) => {
    try {
      return callback(...facts);
    } catch (error) {
      observe.error(`exception: ${error} ${(error?.stack ?? "").trim().replace(/\s+/g, " ")}`.trimEnd());
      // The runtime prints what it is given: the error once more, at more length.
      throw "told above";
    }
  };
}
