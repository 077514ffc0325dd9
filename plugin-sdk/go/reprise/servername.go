package reprise

import "strings"

// ServerNames has something for each of several server names (SNI) or patterns such as `*.example`. The most specific holds.
type ServerNames[T any] map[string]T

// ReadServerNames reads [settings.KEY."NAME"], each of them.
func ReadServerNames[T any](settings *Settings, key string, read func(*Settings) T) ServerNames[T] {
	names := ServerNames[T]{}
	settings.Tables(key, func(name string, table *Settings) {
		if !IsPattern(name) {
			table.Invalid("", "a server name such as a.example or *.example", quoted(name))
		}
		names[strings.ToLower(name)] = read(table)
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

// IsPattern tells whether this is a server name, or `*.` and the end of one.
func IsPattern(text string) bool {
	for label := range strings.SplitSeq(strings.TrimPrefix(text, "*."), ".") {
		if label == "" || strings.ContainsFunc(label, isNoPartOfLabel) {
			return false
		}
	}
	return true
}

func isNoPartOfLabel(r rune) bool {
	lower := r | 0x20
	return !(lower >= 'a' && lower <= 'z' && r < 0x80) && !(r >= '0' && r <= '9') && r != '-' && r != '_'
}
