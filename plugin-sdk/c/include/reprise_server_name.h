/// Server names (SNI, RFC 6066 section 3) and patterns of them.
#ifndef REPRISE_SERVER_NAME_H
#define REPRISE_SERVER_NAME_H

#include "reprise_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What `reprise_setting_server_names` wants, for messages.
#define REPRISE_NAME_EXPECTED \
  "a server name such as a.example, without scheme, port or path; no address; xn-- where it is not ASCII"

/// What `reprise_is_pattern` wants, for messages.
#define REPRISE_PATTERN_EXPECTED \
  "a server name such as a.example or *.example, without scheme, port or path; no address; xn-- where it is not ASCII"

/// Whether this is a server name, or `*.` and the end of one, which stands for every name that ends in it with at least one
/// label more. It may be in any case, and have a dot at its end.
bool reprise_is_pattern(reprise_string text);

/// How well `pattern` matches `name`, which is as the host gives it: 0 not at all, more for a longer pattern, most for the name
/// itself. The most specific pattern holds.
size_t reprise_pattern_match(reprise_string pattern, reprise_string name);

/// Every value of `key`, each a server name and no pattern, as the host spells it; none if it is not set.
reprise_strings reprise_setting_server_names(reprise_settings *settings, const char *key);

#ifdef __cplusplus
}
#endif
#endif
