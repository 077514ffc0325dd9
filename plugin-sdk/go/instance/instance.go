// Package instance holds the policy of a Wasm instance, which is made once.
package instance

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/policy"
	"wit_component/reprise"
)

// Configure makes the policy; the error is what the operator is told. Policy is the one that was configured, or the one without
// settings. It has the type that the policy's New gives, so that the compiler knows which callbacks there are.
var Configure, Policy = of(policy.New)

func of[P any](read func(*reprise.Settings) P) (func([]witTypes.Tuple2[string, string]) error, func() P) {
	var configured *P
	configure := func(pairs []witTypes.Tuple2[string, string]) error {
		made, err := reprise.ReadSettings(pairs, read)
		if err == nil {
			configured = &made
		}
		return err
	}
	return configure, func() P {
		if configured == nil {
			if err := configure(nil); err != nil {
				panic(err)
			}
		}
		return *configured
	}
}
