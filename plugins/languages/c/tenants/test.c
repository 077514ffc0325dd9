// What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)

#include "reprise_testing.h"

/// The session as the store has it: with the note that the policy attached.
static reprise_session kept(const reprise_connection *connection, reprise_session session) {
  reprise_new_verdict verdict = policy_new_session(connection, &session);
  EXPECT(verdict.tag == REPRISE_SESSION_CACHE_TYPES_NEW_VERDICT_KEEP);
  session.note = verdict.val.keep.note;
  return session;
}

static void a_session_resumes_for_the_certificate_that_it_was_kept_for(void) {
  EXPECT(testing_configure(policy_configure, NULL, 0) == NULL);
  reprise_connection connection = testing_connection();
  reprise_session session = testing_session();
  session.peer_certificate.is_some = true;
  session.peer_certificate.val = testing_certificate();
  reprise_session stored = kept(&connection, session);
  EXPECT(policy_get_session(&connection, &stored) == REPRISE_RESUME);
  uint8_t other[32] = {0};
  stored.peer_certificate.val.sha256.ptr = other;
  EXPECT(policy_get_session(&connection, &stored) == REPRISE_FULL_HANDSHAKE);
  EXPECT(testing_counted("other_owner") == 1);
}

static void a_session_stays_in_its_network(void) {
  const char *settings[][2] = {{"ipv4-prefix", "24"}};
  EXPECT(testing_configure(policy_configure, settings, 1) == NULL);
  reprise_connection connection = testing_connection();
  reprise_session stored = kept(&connection, testing_session());
  connection.peer.val = REPRISE_TEXT("192.0.2.254");
  EXPECT(policy_get_session(&connection, &stored) == REPRISE_RESUME);
  connection.peer.val = REPRISE_TEXT("192.0.3.1");
  EXPECT(policy_get_session(&connection, &stored) == REPRISE_FULL_HANDSHAKE);
}

static void settings_that_make_no_sense_are_told(void) {
  const char *settings[][2] = {{"ipv4-prefix", "33"}};
  const char *error = testing_configure(policy_configure, settings, 1);
  EXPECT(error && strcmp(error, "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`") == 0);
}

int main(void) {
  a_session_resumes_for_the_certificate_that_it_was_kept_for();
  a_session_stays_in_its_network();
  settings_that_make_no_sense_are_told();
}
