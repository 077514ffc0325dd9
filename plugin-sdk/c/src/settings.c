// The settings as a list of pairs, each read or not, and what is wrong with them.

#include "reprise_settings.h"

#include <stdlib.h>

typedef struct {
  reprise_string key, value;
  bool read;
} pair;

/// Text that grows, with a zero byte at its end and none before it.
typedef struct {
  char *bytes;
  size_t length;
} text;

struct reprise_settings {
  /// The dotted path of the table that this is a part of, with a dot at its end; empty for the whole.
  reprise_string path;
  pair *pairs;
  size_t count;
  /// The keys that were asked for, with their path, sorted.
  reprise_strings known;
  /// The first error, shared with the tables in it; no bytes while there is none.
  text *error;
};

/// Without memory an instance cannot be configured, which rejects the policy.
static void *more(void *memory, size_t bytes) {
  void *grown = realloc(memory, bytes);
  if (grown == NULL) abort();
  return grown;
}

static void append(text *text, reprise_string more_text) {
  text->bytes = more(text->bytes, text->length + more_text.len + 1);
  for (size_t i = 0; i < more_text.len; i++) {
    // TOML can write one (\u0000); it would end the message before what was expected.
    text->bytes[text->length + i] = more_text.ptr[i] == 0 ? '?' : (char)more_text.ptr[i];
  }
  text->length += more_text.len;
  text->bytes[text->length] = 0;
}

static reprise_string of(const char *literal) { return (reprise_string){(uint8_t *)literal, strlen(literal)}; }

static void say(text *text, const char *words) { append(text, of(words)); }

static void say_number(text *text, long number) {
  char digits[24];
  size_t at = sizeof digits;
  unsigned long rest = number < 0 ? 0UL - (unsigned long)number : (unsigned long)number;
  digits[--at] = 0;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  say(text, digits + at);
}

static void say_quoted(text *text, reprise_string words) {
  say(text, "`");
  append(text, words);
  say(text, "`");
}

static reprise_string joined(reprise_string first, reprise_string second, const char *third) {
  text all = {0};
  append(&all, first);
  append(&all, second);
  say(&all, third);
  return (reprise_string){(uint8_t *)all.bytes, all.length};
}

/// Into a sorted list, once.
static void insert(reprise_strings *keys, reprise_string key) {
  size_t at = 0;
  for (; at < keys->len; at++) {
    reprise_string other = keys->ptr[at];
    size_t shorter = other.len < key.len ? other.len : key.len;
    int order = memcmp(other.ptr, key.ptr, shorter);
    if (order == 0 && other.len == key.len) return;
    if (order > 0 || (order == 0 && other.len > key.len)) break;
  }
  keys->ptr = more(keys->ptr, (keys->len + 1) * sizeof *keys->ptr);
  memmove(keys->ptr + at + 1, keys->ptr + at, (keys->len - at) * sizeof *keys->ptr);
  keys->ptr[at] = key;
  keys->len++;
}

static void know(reprise_settings *settings, const char *key, const char *more_of_it) {
  insert(&settings->known, joined(settings->path, of(key), more_of_it));
}

/// Begins an error about `key`: "setting `KEY`: expected EXPECTED, found ".
static bool begin(reprise_settings *settings, reprise_string key, const char *expected) {
  if (settings->error->length > 0) return false;
  say(settings->error, "setting `");
  append(settings->error, settings->path);
  append(settings->error, key);
  say(settings->error, "`: expected ");
  say(settings->error, expected);
  say(settings->error, ", found ");
  return true;
}

void reprise_setting_invalid(reprise_settings *settings, const char *key, const char *expected, const reprise_string *found) {
  if (!begin(settings, of(key), expected)) return;
  if (found == NULL) {
    say(settings->error, "nothing");
  } else {
    say_quoted(settings->error, *found);
  }
}

void reprise_setting_invalid_name(reprise_settings *table, const char *expected, reprise_string found) {
  reprise_settings parent = *table;
  parent.path.len -= 1; // Its dot.
  if (begin(&parent, REPRISE_TEXT(""), expected)) say_quoted(parent.error, found);
}

reprise_strings reprise_setting_all(reprise_settings *settings, const char *key) {
  know(settings, key, "");
  reprise_strings values = {0};
  for (size_t i = 0; i < settings->count; i++) {
    pair *pair = &settings->pairs[i];
    if (pair->read || !reprise_same(pair->key, of(key))) continue;
    pair->read = true;
    values.ptr = more(values.ptr, (values.len + 1) * sizeof *values.ptr);
    values.ptr[values.len++] = pair->value;
  }
  return values;
}

/// The one value of `key`; NULL if it is not set, or set more than once.
static reprise_string *one(reprise_settings *settings, const char *key) {
  reprise_strings values = reprise_setting_all(settings, key);
  if (values.len > 1 && begin(settings, of(key), "one value")) {
    say_number(settings->error, (long)values.len);
    say(settings->error, " values");
  }
  return values.len == 1 ? values.ptr : NULL;
}

bool reprise_setting_flag(reprise_settings *settings, const char *key, bool otherwise) {
  reprise_string *value = one(settings, key);
  if (value == NULL) return otherwise;
  if (reprise_same(*value, REPRISE_TEXT("true"))) return true;
  if (!reprise_same(*value, REPRISE_TEXT("false"))) reprise_setting_invalid(settings, key, "true or false", value);
  return false;
}

/// Digits alone, with a sign where it is one; false also for a number that no setting needs.
static bool read_number(reprise_string digits, long *number) {
  bool negative = digits.len > 0 && digits.ptr[0] == '-';
  size_t at = negative ? 1 : 0;
  if (digits.len == at || digits.len - at > 9) return false;
  *number = 0;
  for (; at < digits.len; at++) {
    if (digits.ptr[at] < '0' || digits.ptr[at] > '9') return false;
    *number = *number * 10 + (digits.ptr[at] - '0');
  }
  if (negative) *number = -*number;
  return true;
}

long reprise_setting_number(reprise_settings *settings, const char *key, long least, long most, long otherwise) {
  reprise_string *value = one(settings, key);
  if (value == NULL) return otherwise;
  long number;
  if (read_number(*value, &number) && number >= least && number <= most) return number;
  text expected = {0};
  say(&expected, "a number from ");
  say_number(&expected, least);
  say(&expected, " to ");
  say_number(&expected, most);
  reprise_setting_invalid(settings, key, expected.bytes, value);
  return otherwise;
}

/// A name without the quotes that TOML puts around one with dots in it.
static reprise_string unquoted(reprise_string name) {
  bool quoted = name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"';
  return quoted ? (reprise_string){name.ptr + 1, name.len - 2} : name;
}

/// Reads the table called `name`: the pairs at and after `first` that begin with it.
static void read_table(reprise_settings *settings, const char *key, size_t first, size_t name_at, reprise_string name,
                       void (*read)(void *, reprise_string, reprise_settings *), void *context);
static void finish(reprise_settings *settings);

void reprise_setting_tables(reprise_settings *settings, const char *key,
                            void (*read)(void *context, reprise_string name, reprise_settings *table), void *context) {
  know(settings, key, ".NAME");
  size_t name_at = strlen(key) + 1;
  for (size_t i = 0; i < settings->count && settings->error->length == 0; i++) {
    reprise_string whole = settings->pairs[i].key;
    if (settings->pairs[i].read || whole.len <= name_at || !reprise_starts_with(whole, of(key)) ||
        whole.ptr[name_at - 1] != '.') {
      continue;
    }
    reprise_string name = {whole.ptr + name_at, whole.len - name_at};
    while (name.len > 0 && name.ptr[name.len - 1] != '.') name.len--;
    if (name.len == 0) {
      if (begin(settings, whole, "a table")) say_quoted(settings->error, settings->pairs[i].value);
      return;
    }
    name.len--; // The dot before the field.
    read_table(settings, key, i, name_at, name, read, context);
  }
}

static void read_table(reprise_settings *settings, const char *key, size_t first, size_t name_at, reprise_string name,
                       void (*read)(void *, reprise_string, reprise_settings *), void *context) {
  reprise_settings table = {.error = settings->error};
  table.path = joined(joined(settings->path, of(key), "."), name, ".");
  table.pairs = more(NULL, settings->count * sizeof *table.pairs);
  for (size_t i = first; i < settings->count; i++) {
    reprise_string whole = settings->pairs[i].key;
    size_t field_at = name_at + name.len + 1;
    if (settings->pairs[i].read || whole.len < field_at || whole.ptr[field_at - 1] != '.' ||
        memcmp(whole.ptr, settings->pairs[first].key.ptr, field_at) != 0 ||
        memchr(whole.ptr + field_at, '.', whole.len - field_at) != NULL) {
      continue;
    }
    settings->pairs[i].read = true;
    reprise_string field = {whole.ptr + field_at, whole.len - field_at};
    table.pairs[table.count++] = (pair){field, settings->pairs[i].value, false};
  }
  read(context, unquoted(name), &table);
  finish(&table);
}

static void say_list(text *text, reprise_strings keys) {
  for (size_t i = 0; i < keys.len; i++) {
    if (i > 0) say(text, ", ");
    say_quoted(text, keys.ptr[i]);
  }
}

/// What nobody has read is an error.
static void finish(reprise_settings *settings) {
  if (settings->error->length > 0) return;
  reprise_strings unknown = {0};
  for (size_t i = 0; i < settings->count; i++) {
    if (!settings->pairs[i].read) insert(&unknown, joined(settings->path, settings->pairs[i].key, ""));
  }
  if (unknown.len == 0) return;
  say(settings->error, unknown.len == 1 ? "unknown setting " : "unknown settings ");
  say_list(settings->error, unknown);
  say(settings->error, settings->known.len == 0 ? "; this policy has no settings" : "; this policy knows ");
  say_list(settings->error, settings->known);
}

char *reprise_configure(policy_list_tuple2_string_string_t pairs, void (*configure)(reprise_settings *)) {
  text error = {0};
  reprise_settings settings = {.path = REPRISE_TEXT(""), .count = pairs.len, .error = &error};
  settings.pairs = more(NULL, (pairs.len + 1) * sizeof *settings.pairs);
  for (size_t i = 0; i < pairs.len; i++) settings.pairs[i] = (pair){pairs.ptr[i].f0, pairs.ptr[i].f1, false};
  configure(&settings);
  finish(&settings);
  free(settings.pairs);
  return error.length > 0 ? error.bytes : NULL;
}
