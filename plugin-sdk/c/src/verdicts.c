// Verdicts, and what a policy tells its operator.

#include <stdlib.h>

#include "reprise.h"

reprise_new_verdict reprise_keep(void) {
  reprise_new_verdict verdict;
  memset(&verdict, 0, sizeof verdict);
  verdict.tag = REPRISE_SESSION_CACHE_TYPES_NEW_VERDICT_KEEP;
  return verdict;
}

reprise_new_verdict reprise_refuse(void) {
  reprise_new_verdict verdict = reprise_keep();
  verdict.tag = REPRISE_SESSION_CACHE_TYPES_NEW_VERDICT_REFUSE;
  return verdict;
}

void reprise_attach(reprise_new_verdict *verdict, const uint8_t *note, size_t length) {
  // The generated code frees it when the host has taken it. A call without memory is a failed one: not kept.
  uint8_t *copy = malloc(length ? length : 1);
  if (copy == NULL) abort();
  memcpy(copy, note, length);
  verdict->val.keep.note.is_some = true;
  verdict->val.keep.note.val = (reprise_bytes){copy, length};
}

void reprise_count(const char *name) {
  reprise_string text = {(uint8_t *)name, strlen(name)};
  reprise_session_cache_observe_count(&text, 1);
}

void reprise_warn(const char *message) {
  reprise_string text = {(uint8_t *)message, strlen(message)};
  reprise_session_cache_observe_log(REPRISE_SESSION_CACHE_OBSERVE_LEVEL_WARN, &text);
}
