// Package instance holds the policy of a Wasm instance, which is made once.
package instance

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/policy"
	"wit_component/reprise"
)

var configured reprise.Policy

// Configure makes the policy; the error is what the operator is told.
func Configure(pairs []witTypes.Tuple2[string, string]) error {
	made, err := reprise.ReadSettings(pairs, policy.New)
	if err == nil {
		configured = made
	}
	return err
}

// Policy is the one that was configured, or the one without settings.
func Policy() reprise.Policy {
	if configured == nil {
		if err := Configure(nil); err != nil {
			panic(err)
		}
	}
	return configured
}
