// Package policy: a session resumes within an hour of its full handshake.
package policy

import "wit_component/reprise"

type fresh struct{}

// New makes the policy, which has no settings.
func New(*reprise.Settings) fresh { return fresh{} }

func (fresh) GetSession(connection *reprise.Connection, candidate *reprise.Session) reprise.GetVerdict {
	if connection.Now > candidate.Authenticated+3600 {
		return reprise.FullHandshake
	}
	return reprise.Resume
}
