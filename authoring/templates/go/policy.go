// Package policy: sessions of the names in the settings resume for ten minutes, and only from the address that made them.
package policy

import (
	"slices"

	"wit_component/reprise"
)

type careful struct {
	names []string
}

// New reads the settings.
func New(settings *reprise.Settings) *careful {
	return &careful{names: settings.ServerNames("name")}
}

func (c *careful) NewSession(connection *reprise.Connection, session *reprise.Session) reprise.NewVerdict {
	if session.ServerName.IsNone() || !slices.Contains(c.names, session.ServerName.Some()) {
		return reprise.Keep(reprise.Terms{})
	}
	terms := reprise.Terms{Lifetime: reprise.Some(uint32(600))}
	if connection.Peer.IsSome() {
		terms.Note = reprise.Some([]byte(connection.Peer.Some()))
	}
	return reprise.Keep(terms)
}

func (c *careful) GetSession(connection *reprise.Connection, candidate *reprise.Session) reprise.GetVerdict {
	if candidate.Note.IsNone() {
		return reprise.Resume
	}
	if connection.Peer.IsSome() && connection.Peer.Some() == string(candidate.Note.Some()) {
		return reprise.Resume
	}
	return reprise.FullHandshake
}
