package reprise

import "fmt"

// LogPanic is deferred by every callback: a panic is a trap that does not say why, unless it is logged first.
func LogPanic() {
	if reason := recover(); reason != nil {
		logPanic(fmt.Sprintf("panic: %v", reason))
		panic(reason)
	}
}
