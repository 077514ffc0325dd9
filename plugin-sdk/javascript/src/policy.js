// From a class to a module's exports.

import { observe } from "./host.js";
import { Settings } from "./settings.js";

const GET_VERDICTS = ["resume", "resume-without-early-data", "full-handshake"];
const REMOVE_VERDICTS = ["host-default", "forget"];

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
  const isOverridden = (name) => Class.prototype[name] !== Policy.prototype[name];
  const overridden = (name, decide) => (isOverridden(name) ? { decide: logged(decide) } : undefined);
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
    newSession: overridden("newSession", (connection, session) => verdictOf(policy().newSession(connection, session))),
    getSession: overridden("getSession", (connection, candidate) =>
      oneOf(GET_VERDICTS, policy().getSession(connection, candidate), "getSession"),
    ),
    removeSession: overridden("removeSession", (id, session, why) =>
      oneOf(REMOVE_VERDICTS, policy().removeSession(id, session ?? undefined, why), "removeSession"),
    ),
  };
}

// The interface's variant, with a none for each term that was left out.
function verdictOf(verdict) {
  if (verdict === "refuse") return { tag: "refuse" };
  if (typeof verdict?.keep !== "object" || verdict.keep === null) {
    throw noVerdict("newSession", verdict, '{ keep: { … } } or "refuse"');
  }
  const { lifetime = null, singleUse = null, reach = null, priority = null, note = null, attributes = [] } = verdict.keep;
  return { tag: "keep", val: { lifetime, singleUse, reach, priority, note, attributes } };
}

function oneOf(verdicts, verdict, callback) {
  if (verdicts.includes(verdict)) return verdict;
  const words = verdicts.map((word) => `"${word}"`);
  throw noVerdict(callback, verdict, `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
}

// Words rather than an error, whose stack would name places in here.
function noVerdict(callback, found, expected) {
  return `${callback} returned ${JSON.stringify(found) ?? String(found)}; expected ${expected}`;
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
