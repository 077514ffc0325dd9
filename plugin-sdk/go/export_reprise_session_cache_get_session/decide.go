// Package export_reprise_session_cache_get_session is the export `get-session`, for worlds that have it.
package export_reprise_session_cache_get_session

import (
	"wit_component/instance"
	"wit_component/reprise"
)

// Decide is called by the host. The world in wit/ exports it, so a policy without GetSession does not compile.
func Decide(connection reprise.Connection, candidate reprise.Session) reprise.GetVerdict {
	defer reprise.LogPanic()
	var policy reprise.GetSessioner = instance.Policy()
	return policy.GetSession(&connection, &candidate)
}
