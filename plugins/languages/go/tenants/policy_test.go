// What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)
package policy

import (
	"testing"

	"wit_component/reprise"
	"wit_component/reprisetest"
)

func configured(t *testing.T, keysAndValues ...string) *tenants {
	t.Helper()
	policy, err := reprisetest.Configured(New, keysAndValues...)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// kept is the session as the store has it: with the note that the policy attached.
func kept(policy *tenants, connection reprise.Connection, session reprise.Session) reprise.Session {
	verdict := policy.NewSession(&connection, &session)
	session.Note = verdict.Keep().Note
	return session
}

func expect(t *testing.T, found, expected reprise.GetVerdict) {
	t.Helper()
	if found != expected {
		t.Errorf("expected %d, found %d", expected, found)
	}
}

func TestASessionResumesForTheCertificateThatItWasKeptFor(t *testing.T) {
	policy, connection, session := configured(t), reprisetest.Connection(), reprisetest.Session()
	certificate := reprisetest.Certificate()
	session.PeerCertificate = reprise.Some(certificate)
	stored := kept(policy, connection, session)
	expect(t, policy.GetSession(&connection, &stored), reprise.Resume)
	certificate.Sha256 = make([]byte, 32)
	stored.PeerCertificate = reprise.Some(certificate)
	expect(t, policy.GetSession(&connection, &stored), reprise.FullHandshake)
	if reprise.Counted["other_owner"] != 1 {
		t.Errorf("counted %v", reprise.Counted)
	}
}

func TestASessionStaysInItsNetwork(t *testing.T) {
	policy, connection := configured(t, "ipv4-prefix", "24"), reprisetest.Connection()
	stored := kept(policy, connection, reprisetest.Session())
	connection.Peer = reprise.Some("192.0.2.254")
	expect(t, policy.GetSession(&connection, &stored), reprise.Resume)
	connection.Peer = reprise.Some("192.0.3.1")
	expect(t, policy.GetSession(&connection, &stored), reprise.FullHandshake)
}

func TestSettingsThatMakeNoSenseAreTold(t *testing.T) {
	_, err := reprisetest.Configured(New, "ipv4-prefix", "33")
	if err == nil || err.Error() != "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`" {
		t.Error(err)
	}
}
