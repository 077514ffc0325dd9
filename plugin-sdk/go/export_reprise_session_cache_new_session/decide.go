// Package export_reprise_session_cache_new_session is the export `new-session`, for worlds that have it.
package export_reprise_session_cache_new_session

import (
	"wit_component/instance"
	"wit_component/reprise"
)

// Decide is called by the host. The world in wit/ exports it, so a policy without NewSession does not compile.
func Decide(connection reprise.Connection, session reprise.Session) reprise.NewVerdict {
	defer reprise.LogPanic()
	var policy reprise.NewSessioner = instance.Policy()
	return policy.NewSession(&connection, &session)
}
