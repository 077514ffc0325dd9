// The export `new-session`, for worlds that have it.

#include "reprise.h"

void exports_reprise_session_cache_new_session_decide(reprise_connection *connection, reprise_session *session,
                                                      reprise_new_verdict *verdict) {
  *verdict = policy_new_session(connection, session);
  reprise_session_cache_types_connection_free(connection);
  reprise_session_cache_types_session_free(session);
}
