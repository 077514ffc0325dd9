package reprise

import "strings"

const (
	nameExpected    = "a server name such as a.example, without scheme, port or path; no address; xn-- where it is not ASCII"
	patternExpected = "a server name such as a.example or *.example, without scheme, port or path; no address; xn-- where it is not ASCII"
)

// ServerNames has something for each of several server names (SNI) or patterns such as `*.example`. The most specific holds.
type ServerNames[T any] map[string]T

// ReadServerNames reads [settings.KEY."NAME"], each of them.
func ReadServerNames[T any](settings *Settings, key string, read func(*Settings) T) ServerNames[T] {
	names := ServerNames[T]{}
	settings.Tables(key, func(name string, table *Settings) {
		if !IsPattern(name) {
			table.Invalid("", patternExpected, quoted(name))
		}
		names[spelling(name)] = read(table)
	})
	return names
}

// Find gives what holds for name, in lower case as the host gives it.
func (names ServerNames[T]) Find(name string) (T, bool) {
	if value, found := names[name]; found {
		return value, true
	}
	for len(names) > 0 {
		_, rest, dot := strings.Cut(name, ".")
		if !dot {
			break
		}
		if value, found := names["*."+rest]; found {
			return value, true
		}
		name = rest
	}
	var none T
	return none, false
}

// ServerNames reads every value of key, each a server name and no pattern, as the host spells it.
func (s *Settings) ServerNames(key string) []string {
	names := s.All(key)
	for i, name := range names {
		if strings.HasPrefix(name, "*.") || !IsPattern(name) {
			s.Invalid(key, nameExpected, quoted(name))
		}
		names[i] = spelling(name)
	}
	return names
}

// IsPattern tells whether this is a server name, or `*.` and the end of one. It may be in any case, and have a dot at its end.
func IsPattern(text string) bool {
	name := strings.TrimPrefix(strings.TrimSuffix(text, "."), "*.")
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, isNoPartOfLabel) {
			return false
		}
		last = label
	}
	// No top-level domain is a number: 127.1 is an address, as 127.0.0.1 is.
	return len(name) <= 253 && strings.ContainsFunc(last, isNoDigit)
}

// spelling is the one spelling of a name: in lower case, without the dot at its end, which names the same host.
func spelling(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func isNoDigit(r rune) bool { return r < '0' || r > '9' }

func isNoPartOfLabel(r rune) bool {
	lower := r | 0x20
	return !(lower >= 'a' && lower <= 'z' && r < 0x80) && !(r >= '0' && r <= '9') && r != '-' && r != '_'
}
