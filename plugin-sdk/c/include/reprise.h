/// Write Reprise session-cache policies in C.
///
/// A policy implements the callbacks that its world exports, of the four at the end of this file, and nothing else: the SDK
/// exports them, and frees what they are given. The facts' fields are documented in the generated `policy.h`, in the words of
/// wit/session-cache.wit.
///
/// - reprise.h: the callbacks, and short names for the interface's types
/// - reprise_settings.h: the [settings] table of NAME.toml
/// - reprise_network.h, reprise_server_name.h: what policies compare
#ifndef REPRISE_H
#define REPRISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Text in UTF-8, without a zero byte at its end.
typedef policy_string_t reprise_string;
typedef policy_list_u8_t reprise_bytes;
typedef reprise_session_cache_types_connection_t reprise_connection;
typedef reprise_session_cache_types_certificate_t reprise_certificate;
typedef reprise_session_cache_types_session_t reprise_session;
typedef reprise_session_cache_types_terms_t reprise_terms;
typedef reprise_session_cache_types_new_verdict_t reprise_new_verdict;
typedef reprise_session_cache_types_get_verdict_t reprise_get_verdict;
typedef reprise_session_cache_types_remove_verdict_t reprise_remove_verdict;
typedef reprise_session_cache_types_removal_t reprise_removal;

#define REPRISE_RESUME REPRISE_SESSION_CACHE_TYPES_GET_VERDICT_RESUME
#define REPRISE_RESUME_WITHOUT_EARLY_DATA REPRISE_SESSION_CACHE_TYPES_GET_VERDICT_RESUME_WITHOUT_EARLY_DATA
#define REPRISE_FULL_HANDSHAKE REPRISE_SESSION_CACHE_TYPES_GET_VERDICT_FULL_HANDSHAKE
#define REPRISE_HOST_DEFAULT REPRISE_SESSION_CACHE_TYPES_REMOVE_VERDICT_HOST_DEFAULT
#define REPRISE_FORGET REPRISE_SESSION_CACHE_TYPES_REMOVE_VERDICT_FORGET

/// The text between double quotes as a `reprise_string`; it is not copied.
#define REPRISE_TEXT(literal) ((reprise_string){(uint8_t *)(literal), sizeof(literal) - 1})

/// Whether two texts are the same.
static inline bool reprise_same(reprise_string one, reprise_string other) {
  return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

static inline bool reprise_starts_with(reprise_string text, reprise_string prefix) {
  return text.len >= prefix.len && reprise_same((reprise_string){text.ptr, prefix.len}, prefix);
}

static inline bool reprise_ends_with(reprise_string text, reprise_string suffix) {
  return text.len >= suffix.len && reprise_same((reprise_string){text.ptr + text.len - suffix.len, suffix.len}, suffix);
}

/// Nothing against the session, and no terms asked for. Fill in what you have an opinion on.
reprise_new_verdict reprise_keep(void);

/// The session is not kept.
reprise_new_verdict reprise_refuse(void);

/// Attaches a copy of these bytes, at most 1,024, to a session that is kept.
void reprise_attach(reprise_new_verdict *verdict, const uint8_t *note, size_t length);

/// Adds 1 to a counter of the policy's own, shown in the host's metrics: lower-case letters, digits and `_`.
void reprise_count(const char *name);

/// Writes a line to the server's log under the policy's name, where the operator should look.
void reprise_warn(const char *message);

typedef struct reprise_settings reprise_settings;

// What a policy implements: those that its world exports. Pointers are good until the callback returns.

/// OpenSSL has made a session (`SSL_CTX_sess_set_new_cb`): is it kept, and on which terms?
reprise_new_verdict policy_new_session(const reprise_connection *connection, const reprise_session *session);

/// A client offers a session that the host itself would resume (`SSL_CTX_sess_set_get_cb`): may it?
reprise_get_verdict policy_get_session(const reprise_connection *connection, const reprise_session *candidate);

/// OpenSSL or the store has given a session up; `session` is NULL where the store no longer has it.
reprise_remove_verdict policy_remove_session(reprise_bytes id, const reprise_session *session, reprise_removal why);

/// Once per instance, before anything else. What it reads stays valid. Keys that it does not read are refused by name.
void policy_configure(reprise_settings *settings);

#ifdef __cplusplus
}
#endif
#endif
