// Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

#include "reprise_server_name.h"

static reprise_strings names;

void policy_configure(reprise_settings *settings) { names = reprise_setting_server_names(settings, "name"); }

static bool is_named(const reprise_session *session) {
  if (!session->server_name.is_some) return false;
  for (size_t i = 0; i < names.len; i++) {
    if (reprise_same(names.ptr[i], session->server_name.val)) return true;
  }
  return false;
}

reprise_new_verdict policy_new_session(const reprise_connection *connection, const reprise_session *session) {
  reprise_new_verdict verdict = reprise_keep();
  if (!is_named(session)) return verdict;
  verdict.val.keep.lifetime = (policy_option_u32_t){true, 600};
  if (connection->peer.is_some) reprise_attach(&verdict, connection->peer.val.ptr, connection->peer.val.len);
  return verdict;
}

reprise_get_verdict policy_get_session(const reprise_connection *connection, const reprise_session *candidate) {
  if (!candidate->note.is_some) return REPRISE_RESUME;
  reprise_string note = {candidate->note.val.ptr, candidate->note.val.len};
  bool here = connection->peer.is_some && reprise_same(note, connection->peer.val);
  return here ? REPRISE_RESUME : REPRISE_FULL_HANDSHAKE;
}
