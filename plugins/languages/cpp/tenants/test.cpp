// What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)

#include "policy.hpp"
#include "reprise_testing.hpp"

using namespace reprise;

/// The note that a policy attaches to a session. It has to outlive the session that the store has, which refers to it.
static std::vector<std::uint8_t> note_of(Tenants &policy, const Connection &connection, const Session &session) {
  NewVerdict verdict = policy.new_session(connection, session);
  EXPECT(verdict && verdict->note);
  return *verdict->note;
}

static void a_session_resumes_for_the_certificate_that_it_was_kept_for() {
  auto policy = testing::configured<Tenants>({});
  Session session = testing::session();
  session.peer_certificate = testing::certificate();
  auto note = note_of(*policy, testing::connection(), session);
  session.note = note;
  EXPECT(policy->get_session(testing::connection(), session) == GetVerdict::resume);
  std::vector<std::uint8_t> other(32);
  session.peer_certificate->sha256 = other;
  EXPECT(policy->get_session(testing::connection(), session) == GetVerdict::full_handshake);
  EXPECT(testing::counted("other_owner") == 1);
}

static void a_session_stays_in_its_network() {
  auto policy = testing::configured<Tenants>({{"ipv4-prefix", "24"}});
  Session session = testing::session();
  auto note = note_of(*policy, testing::connection(), session);
  session.note = note;
  Connection connection = testing::connection();
  connection.peer = "192.0.2.254";
  EXPECT(policy->get_session(connection, session) == GetVerdict::resume);
  connection.peer = "192.0.3.1";
  EXPECT(policy->get_session(connection, session) == GetVerdict::full_handshake);
}

static void settings_that_make_no_sense_are_told() {
  std::string error;
  EXPECT(!testing::configured<Tenants>({{"ipv4-prefix", "33"}}, &error));
  EXPECT(error == "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`");
}

int main() {
  a_session_resumes_for_the_certificate_that_it_was_kept_for();
  a_session_stays_in_its_network();
  settings_that_make_no_sense_are_told();
}
