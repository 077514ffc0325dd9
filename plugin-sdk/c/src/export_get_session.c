// The export `get-session`, for worlds that have it.

#include "reprise.h"

reprise_get_verdict exports_reprise_session_cache_get_session_decide(reprise_connection *connection,
                                                                     reprise_session *candidate) {
  reprise_get_verdict verdict = policy_get_session(connection, candidate);
  reprise_session_cache_types_connection_free(connection);
  reprise_session_cache_types_session_free(candidate);
  return verdict;
}
