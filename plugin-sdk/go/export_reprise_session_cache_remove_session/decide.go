// Package export_reprise_session_cache_remove_session is the export `remove-session`, for worlds that have it.
package export_reprise_session_cache_remove_session

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/instance"
	"wit_component/reprise"
)

// Decide is called by the host. The world in wit/ exports it, so a policy without RemoveSession does not compile.
func Decide(id []uint8, session witTypes.Option[reprise.Session], why reprise.Removal) reprise.RemoveVerdict {
	defer reprise.LogPanic()
	var policy reprise.RemoveSessioner = instance.Policy()
	if session.IsNone() {
		return policy.RemoveSession(id, nil, why)
	}
	facts := session.Some()
	return policy.RemoveSession(id, &facts, why)
}
