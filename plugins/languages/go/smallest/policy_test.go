package policy

import (
	"testing"

	"wit_component/reprise"
	"wit_component/reprisetest"
)

func TestASessionResumesWithinAnHourOfItsFullHandshake(t *testing.T) {
	connection, session := reprisetest.Connection(), reprisetest.Session()
	for age, expected := range map[uint64]reprise.GetVerdict{3600: reprise.Resume, 3601: reprise.FullHandshake} {
		connection.Now = session.Authenticated + age
		if verdict := New(nil).GetSession(&connection, &session); verdict != expected {
			t.Errorf("after %d s: expected %d, found %d", age, expected, verdict)
		}
	}
}
