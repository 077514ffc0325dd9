// Package export_reprise_session_cache_remove_session is the export `remove-session`, for worlds that have it.
package export_reprise_session_cache_remove_session

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/instance"
	"wit_component/reprise"
)

// Decide is called by the host.
func Decide(id []uint8, session witTypes.Option[reprise.Session], why reprise.Removal) reprise.RemoveVerdict {
	defer reprise.LogPanic()
	if session.IsNone() {
		return instance.Policy().RemoveSession(id, nil, why)
	}
	facts := session.Some()
	return instance.Policy().RemoveSession(id, &facts, why)
}
