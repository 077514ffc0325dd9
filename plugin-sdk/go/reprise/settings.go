package reprise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// Settings is the [settings] table of NAME.toml, to be read key by key. The first error counts, what is read after it does not
// matter; a key that nobody read is an error too.
type Settings struct {
	path   string
	unread []witTypes.Tuple2[string, string]
	known  []string
	err    *error
}

// ReadSettings has read read settings as the host gives them; the error is what the operator is told.
func ReadSettings[T any](pairs []witTypes.Tuple2[string, string], read func(*Settings) T) (T, error) {
	var err error
	settings := &Settings{unread: slices.Clone(pairs), err: &err}
	value := read(settings)
	settings.finish()
	return value, err
}

// Flag reads true or false; false if it is not set.
func (s *Settings) Flag(key string) bool {
	text, set := s.Text(key)
	if set && text != "true" && text != "false" {
		s.Invalid(key, "true or false", quoted(text))
	}
	return text == "true"
}

// Number reads a whole number from least to most; false if it is not set.
func (s *Settings) Number(key string, least, most int) (int, bool) {
	text, set := s.Text(key)
	if !set {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < least || number > most {
		s.Invalid(key, fmt.Sprintf("a number from %d to %d", least, most), quoted(text))
	}
	return number, true
}

// Text reads one text; false if it is not set.
func (s *Settings) Text(key string) (string, bool) {
	values := s.All(key)
	if len(values) > 1 {
		s.Invalid(key, "one value", fmt.Sprintf("%d values", len(values)))
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// All reads every value of key, in the order of the file.
func (s *Settings) All(key string) []string {
	s.know(key)
	var taken []string
	s.unread = slices.DeleteFunc(s.unread, func(pair witTypes.Tuple2[string, string]) bool {
		if pair.F0 != key {
			return false
		}
		taken = append(taken, pair.F1)
		return true
	})
	return taken
}

// Tables has read read each table under key, whose keys are names of the user's choice; they may have dots.
func (s *Settings) Tables(key string, read func(name string, table *Settings)) {
	s.know(key + ".NAME")
	var names []string
	tables := map[string]*Settings{}
	for _, pair := range s.takeUnder(key + ".") {
		dot := strings.LastIndexByte(pair.F0, '.')
		if dot < 0 {
			s.Invalid(key+"."+pair.F0, "a table", quoted(pair.F1))
			return
		}
		name := pair.F0[:dot]
		if tables[name] == nil {
			names = append(names, name)
			tables[name] = &Settings{path: s.path + key + "." + name + ".", err: s.err}
		}
		field := witTypes.Tuple2[string, string]{F0: pair.F0[dot+1:], F1: pair.F1}
		tables[name].unread = append(tables[name].unread, field)
	}
	for _, name := range names {
		read(unquoted(name), tables[name])
		tables[name].finish()
	}
}

// Invalid notes an error about key, for what a policy checks beyond types; about the table itself if key is empty.
func (s *Settings) Invalid(key, expected, found string) {
	path := s.path + key
	if key == "" {
		path = strings.TrimSuffix(s.path, ".")
	}
	s.fail(fmt.Errorf("setting `%s`: expected %s, found %s", path, expected, found))
}

func (s *Settings) fail(err error) {
	if *s.err == nil {
		*s.err = err
	}
}

func (s *Settings) know(key string) {
	if !slices.Contains(s.known, s.path+key) {
		s.known = append(s.known, s.path+key)
	}
}

func (s *Settings) takeUnder(prefix string) []witTypes.Tuple2[string, string] {
	var taken []witTypes.Tuple2[string, string]
	s.unread = slices.DeleteFunc(s.unread, func(pair witTypes.Tuple2[string, string]) bool {
		rest, under := strings.CutPrefix(pair.F0, prefix)
		if under {
			taken = append(taken, witTypes.Tuple2[string, string]{F0: rest, F1: pair.F1})
		}
		return under
	})
	return taken
}

// finish refuses what nobody has read, so that a misspelt key is never ignored.
func (s *Settings) finish() {
	var unknown []string
	for _, pair := range s.unread {
		unknown = append(unknown, s.path+pair.F0)
	}
	if len(unknown) == 0 {
		return
	}
	plural := ""
	if unknown = sorted(unknown); len(unknown) > 1 {
		plural = "s"
	}
	rest := "this policy has no settings"
	if len(s.known) > 0 {
		rest = "this policy knows " + list(sorted(s.known))
	}
	s.fail(fmt.Errorf("unknown setting%s %s; %s", plural, list(unknown), rest))
}

func sorted(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

func list(keys []string) string { return "`" + strings.Join(keys, "`, `") + "`" }

func quoted(text string) string { return "`" + text + "`" }

// unquoted is a name without the quotes that TOML puts around one with dots in it.
func unquoted(name string) string {
	if len(name) >= 2 && strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) {
		return name[1 : len(name)-1]
	}
	return name
}
