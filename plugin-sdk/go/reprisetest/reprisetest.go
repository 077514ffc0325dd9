// Package reprisetest is for unit tests of policies, which run natively: facts to ask a policy about. They are those of every SDK's
// tests, and of vectors (docs/conformance.md). What a policy counted is in reprise.Counted.
package reprisetest

import (
	"bytes"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/reprise"
	types "wit_component/reprise_session_cache_types"
)

// Now is the time at which everything here happens: 2030-01-01T00:00:00Z.
const Now = 1893456000

// Connection is one to a.example from 192.0.2.1, at Now.
func Connection() reprise.Connection {
	return reprise.Connection{
		ServerName: reprise.Some("a.example"),
		Peer:       reprise.Some("192.0.2.1"),
		Listener:   "public",
		Now:        Now,
	}
}

// Session is one of TLS 1.3 of a.example, authenticated at Now without a client certificate, good for a day.
func Session() reprise.Session {
	return reprise.Session{
		Id:            bytes.Repeat([]byte{0x11}, 32),
		Version:       types.TlsVersionTls13,
		CipherSuite:   0x1301,
		ServerName:    reprise.Some("a.example"),
		Authenticated: Now,
		Expires:       Now + 86400,
	}
}

// Certificate is a verified one, valid for an hour on either side of Now.
func Certificate() reprise.Certificate {
	return reprise.Certificate{
		Sha256:     bytes.Repeat([]byte{0x22}, 32),
		SpkiSha256: bytes.Repeat([]byte{0x33}, 32),
		Subject:    "CN=client,O=Example",
		Issuer:     "CN=Client CA,O=Example",
		Serial:     []byte{0x0a, 0x1b},
		NotBefore:  Now - 3600,
		NotAfter:   Now + 3600,
		Verified:   true,
	}
}

// Configured makes a policy as the host would, of dotted and repeated keys with their values by turns.
func Configured[P any](make func(*reprise.Settings) P, keysAndValues ...string) (P, error) {
	var pairs []witTypes.Tuple2[string, string]
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		pairs = append(pairs, witTypes.Tuple2[string, string]{F0: keysAndValues[i], F1: keysAndValues[i+1]})
	}
	return reprise.ReadSettings(pairs, make)
}
