// Server names (SNI, RFC 6066 section 3) and patterns of them.

const REST = "without scheme, port or path; no address; xn-- where it is not ASCII";

export const NAME_EXPECTED = `a server name such as a.example, ${REST}`;
export const PATTERN_EXPECTED = `a server name such as a.example or *.example, ${REST}`;

export function isPattern(text) {
  const pattern = undotted(text);
  const name = pattern.startsWith("*.") ? pattern.slice(2) : pattern;
  const labels = name.split(".");
  // No top-level domain is a number: 127.1 is an address, as 127.0.0.1 is.
  const isNumber = /^[0-9]*$/.test(labels[labels.length - 1]);
  return !isNumber && name.length <= 253 && labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label));
}

export function isName(text) {
  return !text.startsWith("*") && isPattern(text);
}

/** The one spelling of a name: in lower case, without the dot at its end, which names the same host. */
export function spellingOf(name) {
  return undotted(name).toLowerCase();
}

function undotted(name) {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

export class ServerNames {
  #patterns = new Map();

  constructor(entries = []) {
    for (const [pattern, value] of entries) this.#patterns.set(spellingOf(pattern), value);
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
