/// For unit tests of policies, which run natively: facts to ask a policy about, and what it counted. The facts are those of every
/// SDK's tests, and of vectors (docs/conformance.md).
#ifndef REPRISE_TESTING_H
#define REPRISE_TESTING_H

#include "reprise_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The time at which everything here happens: 2030-01-01T00:00:00Z.
#define TESTING_NOW UINT64_C(1893456000)

/// A connection to `a.example` from 192.0.2.1, at TESTING_NOW.
reprise_connection testing_connection(void);

/// A TLS 1.3 session of `a.example`, authenticated at TESTING_NOW without a client certificate, good for a day.
reprise_session testing_session(void);

/// A verified client certificate, valid for an hour on either side of TESTING_NOW.
reprise_certificate testing_certificate(void);

/// Has `configure` read these pairs, as the host does; NULL if it takes them, else the message for the operator.
const char *testing_configure(void (*configure)(reprise_settings *), const char *const pairs[][2], size_t count);

/// How often the policy counted `name`.
unsigned testing_counted(const char *name);

/// Ends the program with the place of the expectation that does not hold.
#define EXPECT(expectation) testing_expect(expectation, #expectation, __FILE__, __LINE__)
void testing_expect(bool holds, const char *expectation, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
