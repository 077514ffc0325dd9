// Server names and patterns of them.

#include "reprise_server_name.h"

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

static bool is_part_of_label(uint8_t byte) {
  byte = lower(byte);
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/// Without the dot at its end, which names the same host.
static reprise_string undotted(reprise_string name) {
  if (reprise_ends_with(name, REPRISE_TEXT("."))) name.len--;
  return name;
}

static bool is_any(reprise_string text) { return reprise_starts_with(text, REPRISE_TEXT("*.")); }

bool reprise_is_pattern(reprise_string text) {
  text = undotted(text);
  size_t at = is_any(text) ? 2 : 0;
  if (text.len - at > 253) return false;
  size_t label = 0;
  // No top-level domain is a number: 127.1 is an address, as 127.0.0.1 is.
  bool number = true;
  for (; at < text.len; at++) {
    uint8_t byte = text.ptr[at];
    if (byte == '.') {
      if (label == 0) return false;
      label = 0;
      number = true;
    } else {
      if (!is_part_of_label(byte) || ++label > 63) return false;
      number = number && byte >= '0' && byte <= '9';
    }
  }
  return label > 0 && !number;
}

size_t reprise_pattern_match(reprise_string pattern, reprise_string name) {
  pattern = undotted(pattern);
  bool any = is_any(pattern);
  size_t skipped = any ? 1 : 0;
  size_t length = pattern.len - skipped;
  if (any ? name.len < length : name.len != length) return 0;
  for (size_t i = 0; i < length; i++) {
    if (lower(pattern.ptr[skipped + i]) != name.ptr[name.len - length + i]) return 0;
  }
  return any ? length : SIZE_MAX;
}

reprise_strings reprise_setting_server_names(reprise_settings *settings, const char *key) {
  reprise_strings names = reprise_setting_all(settings, key);
  for (size_t i = 0; i < names.len; i++) {
    reprise_string *name = &names.ptr[i];
    if (is_any(*name) || !reprise_is_pattern(*name)) {
      reprise_setting_invalid(settings, key, REPRISE_NAME_EXPECTED, name);
    }
    *name = undotted(*name);
    for (size_t at = 0; at < name->len; at++) name->ptr[at] = lower(name->ptr[at]);
  }
  return names;
}
