// The facts of tests, and the host's imports as a test has them.

#include "reprise_testing.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
  char name[64];
  unsigned sum;
} counters[64];

static uint8_t id[32], sha256[32], spki_sha256[32];
static uint8_t serial[] = {0x0a, 0x1b};

reprise_connection testing_connection(void) {
  return (reprise_connection){
      .server_name = {true, REPRISE_TEXT("a.example")},
      .peer = {true, REPRISE_TEXT("192.0.2.1")},
      .listener = REPRISE_TEXT("public"),
      .now = TESTING_NOW,
  };
}

reprise_session testing_session(void) {
  memset(id, 0x11, sizeof id);
  return (reprise_session){
      .id = {id, sizeof id},
      .version = REPRISE_SESSION_CACHE_TYPES_TLS_VERSION_TLS1_3,
      .cipher_suite = 0x1301,
      .server_name = {true, REPRISE_TEXT("a.example")},
      .authenticated = TESTING_NOW,
      .expires = TESTING_NOW + 86400,
  };
}

reprise_certificate testing_certificate(void) {
  memset(sha256, 0x22, sizeof sha256);
  memset(spki_sha256, 0x33, sizeof spki_sha256);
  return (reprise_certificate){
      .sha256 = {sha256, sizeof sha256},
      .spki_sha256 = {spki_sha256, sizeof spki_sha256},
      .subject = REPRISE_TEXT("CN=client,O=Example"),
      .issuer = REPRISE_TEXT("CN=Client CA,O=Example"),
      .serial = {serial, sizeof serial},
      .not_before = TESTING_NOW - 3600,
      .not_after = TESTING_NOW + 3600,
      .verified = true,
  };
}

const char *testing_configure(void (*configure)(reprise_settings *), const char *const pairs[][2], size_t count) {
  policy_list_tuple2_string_string_t list = {calloc(count + 1, sizeof *list.ptr), count};
  for (size_t i = 0; i < count; i++) {
    list.ptr[i].f0 = (reprise_string){(uint8_t *)pairs[i][0], strlen(pairs[i][0])};
    list.ptr[i].f1 = (reprise_string){(uint8_t *)pairs[i][1], strlen(pairs[i][1])};
  }
  return reprise_configure(list, configure);
}

unsigned testing_counted(const char *name) {
  for (size_t i = 0; i < 64; i++) {
    if (strcmp(counters[i].name, name) == 0) return counters[i].sum;
  }
  return 0;
}

void testing_expect(bool holds, const char *expectation, const char *file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: expected %s\n", file, line, expectation);
  exit(1);
}

void reprise_session_cache_observe_count(policy_string_t *name, uint64_t by) {
  for (size_t i = 0; i < 64; i++) {
    if (counters[i].name[0] == 0) snprintf(counters[i].name, sizeof counters[i].name, "%.*s", (int)name->len, name->ptr);
    if (strlen(counters[i].name) == name->len && memcmp(counters[i].name, name->ptr, name->len) == 0) {
      counters[i].sum += (unsigned)by;
      return;
    }
  }
}

void reprise_session_cache_observe_log(reprise_session_cache_observe_level_t level, policy_string_t *message) {
  fprintf(stderr, "log (%d): %.*s\n", level, (int)message->len, message->ptr);
}
