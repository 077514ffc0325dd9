package reprise

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// LogPanic is deferred by every callback: a panic is a trap that does not say why, unless it is logged first.
func LogPanic() {
	if reason := recover(); reason != nil {
		logPanic(fmt.Sprintf("panic: %v%s", reason, places()))
		panic(reason)
	}
}

// places tells where in the policy the panic came through, the innermost first. Go keeps its own stack, of which the trap's backtrace
// knows nothing.
func places() string {
	const policy = "wit_component/policy."
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters[:])])
	var text strings.Builder
	for more := true; more; {
		var frame runtime.Frame
		if frame, more = frames.Next(); strings.HasPrefix(frame.Function, policy) {
			function := strings.TrimPrefix(frame.Function, policy)
			fmt.Fprintf(&text, " at %s:%d in %s", path.Base(frame.File), frame.Line, function)
		}
	}
	return text.String()
}
