package reprise

import observe "wit_component/reprise_session_cache_observe"

// Count adds to a counter of the policy's own, shown in the host's metrics: lower-case letters, digits and `_`.
func Count(name string, by uint64) { observe.Count(name, by) }

// Warn writes a line to the server's log, where the operator should look.
func Warn(message string) { observe.Log(observe.LevelWarn, message) }

// logPanic says why a call traps.
func logPanic(message string) { observe.Log(observe.LevelError, message) }
