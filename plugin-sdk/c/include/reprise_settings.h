/// A policy's settings: the [settings] table of NAME.toml, read key by key. The first error counts, what was read after it does
/// not matter; a key that nobody read is an error too. All text stays valid for the instance's life.
#ifndef REPRISE_SETTINGS_H
#define REPRISE_SETTINGS_H

#include "reprise.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Texts, in the order of the file.
typedef struct {
  reprise_string *ptr;
  size_t len;
} reprise_strings;

/// The flag `key`, true or false; `otherwise` if it is not set.
bool reprise_setting_flag(reprise_settings *settings, const char *key, bool otherwise);

/// The whole number `key`, from `least` to `most`; `otherwise` if it is not set.
long reprise_setting_number(reprise_settings *settings, const char *key, long least, long most, long otherwise);

/// Every value of `key`; none if it is not set.
reprise_strings reprise_setting_all(reprise_settings *settings, const char *key);

/// Reads each table under `key`, whose keys are names of the user's choice (they may have dots), with `read`.
void reprise_setting_tables(reprise_settings *settings, const char *key,
                            void (*read)(void *context, reprise_string name, reprise_settings *table), void *context);

/// An error about `key`, for what a policy checks beyond types; a `found` that is not NULL is shown in quotes, NULL as nothing.
void reprise_setting_invalid(reprise_settings *settings, const char *key, const char *expected, const reprise_string *found);

/// An error about the name of the table itself.
void reprise_setting_invalid_name(reprise_settings *table, const char *expected, reprise_string found);

/// Has `configure` read these pairs, as the host does. NULL if they are taken, else the message for the operator, on the heap.
char *reprise_configure(policy_list_tuple2_string_string_t pairs, void (*configure)(reprise_settings *));

#ifdef __cplusplus
}
#endif
#endif
