/// Server names (SNI, RFC 6066 section 3) and patterns of them.
#ifndef REPRISE_SERVER_NAME_H
#define REPRISE_SERVER_NAME_H

#include "reprise.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What `reprise_is_pattern` wants, for messages.
#define REPRISE_PATTERN_EXPECTED "a server name such as a.example or *.example"

/// Whether this is a server name, or `*.` and the end of one, which stands for every name that ends in it with at least one
/// label more.
bool reprise_is_pattern(reprise_string text);

/// How well `pattern`, in any case, matches `name`, in lower case as the host gives it: 0 not at all, more for a longer pattern,
/// most for the name itself. The most specific pattern holds.
size_t reprise_pattern_match(reprise_string pattern, reprise_string name);

#ifdef __cplusplus
}
#endif
#endif
