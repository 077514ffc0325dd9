// Package reprise is for writing Reprise session-cache policies in Go.
//
// A policy is a package `policy` with a function New, which makes a value of a type of its own, of its settings. The type has those of
// the callbacks that its world exports: [NewSessioner], [GetSessioner], [RemoveSessioner].
//
//	type fresh struct{}
//
//	func New(*reprise.Settings) fresh { return fresh{} }
//
//	func (fresh) GetSession(connection *reprise.Connection, candidate *reprise.Session) reprise.GetVerdict {
//		if connection.Now > candidate.Authenticated+3600 {
//			return reprise.FullHandshake
//		}
//		return reprise.Resume
//	}
//
// The value is made once per instance and then only read: there are several instances at once, so what has to last between calls
// belongs into a session's note or into the host's state. A panic is safe: the client does a full handshake.
//
// The facts are generated of wit/session-cache.wit, in its words. Every time and every number of seconds is a whole number, in
// seconds; a fact that may be absent is an Option.
package reprise

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	types "wit_component/reprise_session_cache_types"
)

// The facts and the terms of the interface.
type (
	Connection  = types.Connection
	Certificate = types.Certificate
	Session     = types.Session
	Terms       = types.Terms
	NewVerdict  = types.NewVerdict
	GetVerdict  = types.GetVerdict
	// RemoveVerdict is HostDefault or Forget.
	RemoveVerdict = types.RemoveVerdict
	// Removal is why a session is removed: types.RemovalEvicted and so on.
	Removal = types.Removal
)

// Verdicts.
const (
	Resume                 = types.GetVerdictResume
	ResumeWithoutEarlyData = types.GetVerdictResumeWithoutEarlyData
	FullHandshake          = types.GetVerdictFullHandshake
	HostDefault            = types.RemoveVerdictHostDefault
	Forget                 = types.RemoveVerdictForget
)

// NewSessioner is asked when OpenSSL has made a session: is it kept, and on which terms?
type NewSessioner interface {
	NewSession(connection *Connection, session *Session) NewVerdict
}

// GetSessioner is asked when a client offers a session that the host itself would resume: may it?
type GetSessioner interface {
	GetSession(connection *Connection, candidate *Session) GetVerdict
}

// RemoveSessioner is asked when a session was given up; session is nil where the store no longer has it.
type RemoveSessioner interface {
	RemoveSession(id []byte, session *Session, why Removal) RemoveVerdict
}

// Keep has nothing against a session, on these terms; of what is left out, the policy has no opinion.
func Keep(terms Terms) NewVerdict { return types.MakeNewVerdictKeep(terms) }

// Refuse does not keep a session.
func Refuse() NewVerdict { return types.MakeNewVerdictRefuse() }

// Some is a value that is there, for terms and for facts in tests.
func Some[T any](value T) witTypes.Option[T] { return witTypes.Some(value) }
