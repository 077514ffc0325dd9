// The export `remove-session`, for worlds that have it.

#include "reprise.h"

reprise_remove_verdict exports_reprise_session_cache_remove_session_decide(
    reprise_session_cache_types_session_id_t *id, reprise_session *maybe_session, reprise_removal why) {
  reprise_remove_verdict verdict = policy_remove_session((reprise_bytes){id->ptr, id->len}, maybe_session, why);
  reprise_session_cache_types_session_id_free(id);
  if (maybe_session != NULL) reprise_session_cache_types_session_free(maybe_session);
  return verdict;
}
