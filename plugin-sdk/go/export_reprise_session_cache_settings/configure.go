// Package export_reprise_session_cache_settings is the export `settings`, for worlds that have it.
package export_reprise_session_cache_settings

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/instance"
	"wit_component/reprise"
)

// Configure is called by the host, once per instance.
func Configure(settings []witTypes.Tuple2[string, string]) witTypes.Result[witTypes.Unit, string] {
	defer reprise.LogPanic()
	if err := instance.Configure(settings); err != nil {
		return witTypes.Err[witTypes.Unit, string](err.Error())
	}
	return witTypes.Ok[witTypes.Unit, string](witTypes.Unit{})
}
