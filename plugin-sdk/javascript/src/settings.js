// The [settings] table of NAME.toml, read key by key.

import { NAME_EXPECTED, isName, spellingOf } from "./server_name.js";

export class SettingsError extends Error {}

export class Settings {
  #path;
  #unread;
  #known = new Set();

  constructor(pairs, path = "") {
    this.#path = path;
    this.#unread = pairs.map(([key, value]) => [key, value]);
  }

  read(read) {
    const value = read(this);
    this.#finish();
    return value;
  }

  flag(key) {
    const text = this.#one(key);
    if (text === undefined) return undefined;
    if (text !== "true" && text !== "false") throw this.invalid(key, "true or false", `\`${text}\``);
    return text === "true";
  }

  number(key, least, most) {
    const text = this.#one(key);
    if (text === undefined) return undefined;
    const number = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw this.invalid(key, `a number from ${least} to ${most}`, `\`${text}\``);
  }

  text(key) {
    return this.#one(key);
  }

  all(key) {
    return this.#take(key);
  }

  serverNames(key) {
    return this.#take(key).map((name) => {
      if (!isName(name)) throw this.invalid(key, NAME_EXPECTED, `\`${name}\``);
      return spellingOf(name);
    });
  }

  tables(key, read) {
    this.#known.add(`${this.#path}${key}.NAME`);
    const tables = new Map();
    for (const [rest, value] of this.#takeUnder(key)) {
      const dot = rest.lastIndexOf(".");
      if (dot < 0) throw this.invalid(`${key}.${rest}`, "a table", `\`${value}\``);
      const name = rest.slice(0, dot);
      if (!tables.has(name)) tables.set(name, []);
      tables.get(name).push([rest.slice(dot + 1), value]);
    }
    return [...tables].map(([name, pairs]) => {
      const table = new Settings(pairs, `${this.#path}${key}.${name}.`);
      return table.read((table) => read(unquoted(name), table));
    });
  }

  invalid(key, expected, found) {
    const path = key === "" ? this.#path.slice(0, -1) : `${this.#path}${key}`;
    return new SettingsError(`setting \`${path}\`: expected ${expected}, found ${found}`);
  }

  #one(key) {
    const values = this.#take(key);
    if (values.length > 1) throw this.invalid(key, "one value", `${values.length} values`);
    return values[0];
  }

  #take(key) {
    this.#known.add(`${this.#path}${key}`);
    const taken = this.#unread.filter(([other]) => other === key);
    this.#unread = this.#unread.filter(([other]) => other !== key);
    return taken.map(([, value]) => value);
  }

  #takeUnder(table) {
    const under = ([key]) => key.startsWith(`${table}.`);
    const taken = this.#unread.filter(under);
    this.#unread = this.#unread.filter((pair) => !under(pair));
    return taken.map(([key, value]) => [key.slice(table.length + 1), value]);
  }

  // What nobody has read is an error, so that a misspelt key is never ignored.
  #finish() {
    const unknown = [...new Set(this.#unread.map(([key]) => `${this.#path}${key}`))].sort();
    if (unknown.length === 0) return;
    const list = (keys) => `\`${keys.join("`, `")}\``;
    const known = [...this.#known].sort();
    const rest = known.length === 0 ? "this policy has no settings" : `this policy knows ${list(known)}`;
    throw new SettingsError(`unknown setting${unknown.length === 1 ? "" : "s"} ${list(unknown)}; ${rest}`);
  }
}

// A name without the quotes that TOML puts around one with dots in it.
function unquoted(name) {
  return name.length >= 2 && name.startsWith('"') && name.endsWith('"') ? name.slice(1, -1) : name;
}
