/**
 * Write Reprise session-cache policies in JavaScript or TypeScript.
 *
 * A policy is a class that extends `Policy` and overrides the callbacks that it decides; `exportsOf` makes a module's exports of it:
 *
 *     class Fresh extends Policy {
 *       getSession(connection, candidate) {
 *         return connection.now > candidate.authenticated + 3600 ? "full-handshake" : "resume";
 *       }
 *     }
 *     export const { settings, getSession } = exportsOf(Fresh);
 *
 * The facts are those of wit/session-cache.wit, whose words are the reference. Every time and every number of seconds is a whole
 * number, in seconds; a fact that may be absent is `null` then.
 */

/** Named facts beyond the records' fields: pairs of name and value. Empty unless NAME.toml asks for some. */
export type Attributes = [name: string, value: string][];

/** The connection whose handshake is running. */
export interface Connection {
  /** The server name of this ClientHello (SNI), in lower case. */
  serverName: string | null;
  /** The peer's IP address without port, as RFC 5952 writes it; an IPv4-mapped one is shown as IPv4. */
  peer: string | null;
  /** The name of the listener that accepted the connection. */
  listener: string;
  /** The time of the ClientHello, in seconds since the Unix epoch. The clock to go by: a test can set it. */
  now: number;
  /** Whether the ClientHello asks for 0-RTT. */
  earlyData: boolean;
  attributes: Attributes;
}

/** The leaf certificate of a client. */
export interface Certificate {
  /** SHA-256 of its DER encoding: 32 bytes. */
  sha256: Uint8Array;
  /** SHA-256 of its public key: 32 bytes. It stays when a certificate is renewed with its key. */
  spkiSha256: Uint8Array;
  /** The subject's name as RFC 2253 writes it. */
  subject: string;
  /** The issuer's name as RFC 2253 writes it. */
  issuer: string;
  /** The serial number, big endian, without leading zeros. */
  serial: Uint8Array;
  /** Start of the validity period, in seconds since the Unix epoch. */
  notBefore: number;
  /** End of the validity period, in seconds since the Unix epoch. */
  notAfter: number;
  /** subjectAltName: pairs of kind (`dns`, `email`, `uri`, `ip`) and value. */
  alternativeNames: [kind: string, value: string][];
  /** Whether OpenSSL verified the chain when the session was made. */
  verified: boolean;
}

/** What may be known about a session. It has no key material. */
export interface Session {
  /** 32 bytes. */
  id: Uint8Array;
  version: "tls1-0" | "tls1-1" | "tls1-2" | "tls1-3";
  /** The cipher suite's number in the IANA registry. */
  cipherSuite: number;
  serverName: string | null;
  /** The protocol that ALPN selected. */
  alpn: string | null;
  /** Time of the full handshake that this session descends from, in seconds since the Unix epoch. */
  authenticated: number;
  /** When it stops resuming, in seconds since the Unix epoch. */
  expires: number;
  /** TLS 1.3: resumptions since the full handshake. TLS 1.2: how often this node has looked it up. */
  resumptions: number;
  peerCertificate: Certificate | null;
  /** What this policy attached when the session was kept. */
  note: Uint8Array | null;
  attributes: Attributes;
}

/** What a policy asks for when a session is kept; what is left out, it has no opinion on. */
export interface Terms {
  /** Seconds from now; 0 means refuse. */
  lifetime?: number;
  /** The session resumes at most once. */
  singleUse?: boolean;
  reach?: "node" | "fleet";
  priority?: "low" | "normal" | "high";
  /** At most 1,024 bytes, shown to this policy with this session from now on. */
  note?: Uint8Array;
  attributes?: Attributes;
}

/** Is this new session kept? `{ keep: {} }` has no opinion. */
export type NewVerdict = { keep: Terms } | "refuse";
/** May this connection resume that session? `resume` has nothing against it. */
export type GetVerdict = "resume" | "resume-without-early-data" | "full-handshake";
/** What happens to a session that was given up? */
export type RemoveVerdict = "host-default" | "forget";
/** Why a session is removed. */
export type Removal =
  | "fatal-alert" | "unclean-close" | "expired" | "evicted" | "replaced" | "consumed" | "revoked" | "unknown";

/**
 * A policy. Every callback has no opinion unless it is overridden. It is made once per instance and then only read: there are
 * several instances at once, so what has to last between calls belongs into a session's note or into `state`. An exception is
 * safe: it is logged, and the client does a full handshake.
 */
export class Policy {
  /** Reads the settings. What it throws rejects the policy; keys that it does not read are refused by name. */
  constructor(settings: Settings);
  /** OpenSSL has made a session: is it kept, and on which terms? */
  newSession(connection: Connection, session: Session): NewVerdict;
  /** A client offers a session that the host itself would resume: may it? */
  getSession(connection: Connection, candidate: Session): GetVerdict;
  /** A session was given up; `session` is undefined where the store no longer has it. */
  removeSession(id: Uint8Array, session: Session | undefined, why: Removal): RemoveVerdict;
}

/**
 * A module's exports of a policy: its settings, and the callbacks that it overrides. Export those that its world names:
 * `export const { settings, getSession } = exportsOf(Mine);`
 */
export function exportsOf(Class: new (settings: Settings) => Policy): {
  settings: object;
  newSession: object | undefined;
  getSession: object | undefined;
  removeSession: object | undefined;
};

/** The [settings] table of NAME.toml, read key by key. What cannot be read is thrown as a `SettingsError`, with the key. */
export class Settings {
  constructor(pairs: [string, string][], path?: string);
  /** Reads them with `read`, then makes sure that nothing was left unread. */
  read<T>(read: (settings: Settings) => T): T;
  /** true or false; undefined if it is not set. */
  flag(key: string): boolean | undefined;
  /** A whole number from `least` to `most`; undefined if it is not set. */
  number(key: string, least: number, most: number): number | undefined;
  /** One text; undefined if it is not set. */
  text(key: string): string | undefined;
  /** Every value of `key`, in the order of the file. */
  all(key: string): string[];
  /** Every value of `key`, each a server name and no pattern, as the host spells it. */
  serverNames(key: string): string[];
  /** Reads each table under `key`, whose keys are names of the user's choice; they may have dots. */
  tables<T>(key: string, read: (name: string, table: Settings) => T): T[];
  /** An error about `key`, to be thrown, for what a policy checks beyond types. */
  invalid(key: string, expected: string, found: string): SettingsError;
}

/** Why settings were not accepted, as the operator is shown it. */
export class SettingsError extends Error {}

/** An IP network: an address whose bits beyond the prefix are zero. */
export class Network {
  readonly prefix: number;
  /** 4 or 16 bytes in network order. */
  readonly address: Uint8Array;
  /** The address in a text, as 4 or 16 bytes, an IPv4-mapped one as IPv4; undefined if it is none. */
  static addressOf(text: string): Uint8Array | undefined;
  /** The network of `prefix` bits that an address belongs to; undefined if it has fewer. */
  static of(address: Uint8Array, prefix: number): Network | undefined;
  /** The prefix length and the address, for a note. */
  toBytes(): Uint8Array;
  /** undefined for what `toBytes` did not write. */
  static fromBytes(bytes: Uint8Array): Network | undefined;
}

/** Something for each of several server names or patterns such as `*.example`. The most specific pattern holds. */
export class ServerNames<T> {
  constructor(entries?: [pattern: string, value: T][]);
  /** What holds for `name`, in lower case as the host gives it. */
  find(name: string): T | undefined;
  /** Reads `[settings.KEY."NAME"]`, each of them. */
  static read<T>(settings: Settings, key: string, read: (table: Settings) => T): ServerNames<T>;
}

/** Whether this is a server name, or `*.` and the end of one. It may be in any case, and have a dot at its end. */
export function isPattern(text: string): boolean;

/** Whether `now` lies in the validity period, both ends included. */
export function isValidAt(certificate: Certificate, now: number): boolean;

/** The subjectAltName entries of one kind: `dns`, `email`, `uri` or `ip`. */
export function namesOf(certificate: Certificate, kind: string): string[];

/** What a policy tells its operator; capped by the host. */
export const observe: {
  /** Adds to a counter of the policy's own: lower-case letters, digits and `_`. */
  count(name: string, by?: number): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
};

/** A small memory of the policy's own on this node; it outlives an instance and a reload. A write that fails throws why. */
export const state: {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array, ttl: number): void;
  increment(key: string, by: number, ttl: number): number;
  delete(key: string): boolean;
};
