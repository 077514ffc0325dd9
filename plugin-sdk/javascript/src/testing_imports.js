// The host's imports as tests have them. Loaded twice, as `state` and as `observe`; what is counted is in one place.

const counters = (globalThis.__repriseCounters ??= new Map());
const memory = (globalThis.__repriseState ??= new Map());

export function log(level, message) {
  console.error(`${level}: ${message}`);
}

export function count(name, by) {
  counters.set(name, (counters.get(name) ?? 0) + by);
}

export function get(key) {
  return memory.get(key) ?? null;
}

export function set(key, value, _ttl) {
  memory.set(key, value);
}

export function increment(key, by, _ttl) {
  if (memory.has(key) && typeof memory.get(key) !== "number") throw "not-a-number";
  memory.set(key, (memory.get(key) ?? 0) + by);
  return memory.get(key);
}

function remove(key) {
  return memory.delete(key);
}
export { remove as delete };
