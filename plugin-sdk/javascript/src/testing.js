// For unit tests of policies. What everything is, is documented in testing.d.ts.

import { Settings } from "./settings.js";

export const NOW = 1893456000;

export function connection(changes = {}) {
  return {
    serverName: "a.example",
    peer: "192.0.2.1",
    listener: "public",
    now: NOW,
    earlyData: false,
    attributes: [],
    ...changes,
  };
}

export function session(changes = {}) {
  return {
    id: new Uint8Array(32).fill(0x11),
    version: "tls1-3",
    cipherSuite: 0x1301,
    serverName: "a.example",
    alpn: null,
    authenticated: NOW,
    expires: NOW + 86_400,
    resumptions: 0,
    peerCertificate: null,
    note: null,
    attributes: [],
    ...changes,
  };
}

export function certificate(changes = {}) {
  return {
    sha256: new Uint8Array(32).fill(0x22),
    spkiSha256: new Uint8Array(32).fill(0x33),
    subject: "CN=client,O=Example",
    issuer: "CN=Client CA,O=Example",
    serial: Uint8Array.of(0x0a, 0x1b),
    notBefore: NOW - 3600,
    notAfter: NOW + 3600,
    alternativeNames: [],
    verified: true,
    ...changes,
  };
}

export function configured(Class, pairs = []) {
  return new Settings(pairs).read((settings) => new Class(settings));
}

export function counted(name) {
  return globalThis.__repriseCounters?.get(name) ?? 0;
}
