package policy

import (
	"slices"
	"strings"

	"wit_component/reprise"
)

// tenant is what a server name's certificates look like. Every rule that is given holds; of a rule's values, one has to match.
type tenant struct {
	issuers, subjectSuffixes, uriPrefixes []string
}

// readTenant reads [settings.tenant."NAME"].
func readTenant(settings *reprise.Settings) tenant {
	read := tenant{
		issuers:         settings.All("issuer"),
		subjectSuffixes: settings.All("subject-suffix"),
		uriPrefixes:     settings.All("uri-prefix"),
	}
	for _, prefix := range read.uriPrefixes {
		// spiffe://a.example would let spiffe://a.example.evil in.
		if !strings.HasSuffix(prefix, "/") {
			settings.Invalid("uri-prefix", "a prefix that ends in `/`", "`"+prefix+"`")
		}
	}
	if slices.Contains(read.subjectSuffixes, "") {
		settings.Invalid("subject-suffix", "the end of a name such as O=Example", "nothing")
	}
	return read
}

// owns tells whether certificate is one of the tenant's.
func (t *tenant) owns(certificate *reprise.Certificate) bool {
	hasURI := func(prefix string) bool {
		for _, name := range certificate.AlternativeNames {
			if name.F0 == "uri" && strings.HasPrefix(name.F1, prefix) {
				return true
			}
		}
		return false
	}
	isIssuer := func(issuer string) bool { return certificate.Issuer == issuer }
	endsIn := func(suffix string) bool { return endsInNames(certificate.Subject, suffix) }
	return (len(t.issuers) == 0 || slices.ContainsFunc(t.issuers, isIssuer)) &&
		(len(t.subjectSuffixes) == 0 || slices.ContainsFunc(t.subjectSuffixes, endsIn)) &&
		(len(t.uriPrefixes) == 0 || slices.ContainsFunc(t.uriPrefixes, hasURI))
}

// endsInNames tells whether the distinguished name subject ends in suffix, cut where one of its names ends: a comma within a value,
// which RFC 2253 writes `\,`, is no such place.
func endsInNames(subject, suffix string) bool {
	rest, ends := strings.CutSuffix(subject, suffix)
	if !ends || rest == "" {
		return ends
	}
	beforeComma, comma := strings.CutSuffix(rest, ",")
	backslashes := len(beforeComma) - len(strings.TrimRight(beforeComma, `\`))
	return comma && backslashes%2 == 0
}
