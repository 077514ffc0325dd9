// Server names and patterns of them.

#include "reprise_server_name.h"

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

static bool is_part_of_label(uint8_t byte) {
  byte = lower(byte);
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

bool reprise_is_pattern(reprise_string text) {
  size_t at = reprise_starts_with(text, REPRISE_TEXT("*.")) ? 2 : 0;
  size_t label = 0;
  for (; at < text.len; at++) {
    if (text.ptr[at] == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (is_part_of_label(text.ptr[at])) {
      label++;
    } else {
      return false;
    }
  }
  return label > 0;
}

size_t reprise_pattern_match(reprise_string pattern, reprise_string name) {
  bool any = reprise_starts_with(pattern, REPRISE_TEXT("*."));
  size_t skipped = any ? 1 : 0;
  size_t length = pattern.len - skipped;
  if (any ? name.len < length : name.len != length) return 0;
  for (size_t i = 0; i < length; i++) {
    if (lower(pattern.ptr[skipped + i]) != name.ptr[name.len - length + i]) return 0;
  }
  return any ? length : SIZE_MAX;
}
