// Server names (SNI, RFC 6066 section 3) and patterns of them.

export const PATTERN_EXPECTED = "a server name such as a.example or *.example";

export function isPattern(text) {
  return /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text);
}

export class ServerNames {
  #patterns = new Map();

  constructor(entries = []) {
    for (const [pattern, value] of entries) this.#patterns.set(pattern.toLowerCase(), value);
  }

  find(name) {
    if (this.#patterns.size === 0) return undefined;
    if (this.#patterns.has(name)) return this.#patterns.get(name);
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const pattern = `*${name.slice(dot)}`;
      if (this.#patterns.has(pattern)) return this.#patterns.get(pattern);
    }
    return undefined;
  }

  static read(settings, key, read) {
    const entries = settings.tables(key, (name, table) => {
      if (!isPattern(name)) throw table.invalid("", PATTERN_EXPECTED, `\`${name}\``);
      return [name, read(table)];
    });
    return new ServerNames(entries);
  }
}
