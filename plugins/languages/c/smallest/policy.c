// Policy: a session resumes within an hour of its full handshake.

#include "reprise.h"

reprise_get_verdict policy_get_session(const reprise_connection *connection, const reprise_session *candidate) {
  return connection->now > candidate->authenticated + 3600 ? REPRISE_FULL_HANDSHAKE : REPRISE_RESUME;
}
