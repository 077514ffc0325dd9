//go:build !wasm

package reprise

import "log"

// Counted is what was counted, by name, in tests.
var Counted = map[string]uint64{}

// Count adds to a counter of the policy's own, shown in the host's metrics: lower-case letters, digits and `_`.
func Count(name string, by uint64) { Counted[name] += by }

// Warn writes a line to the server's log, where the operator should look.
func Warn(message string) { log.Print(message) }

func logPanic(message string) { log.Print(message) }
