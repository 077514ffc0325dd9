// What the policy promises, asked as the host asks.

#include "reprise_testing.h"

int main(void) {
  reprise_connection connection = testing_connection();
  reprise_session session = testing_session();
  connection.now = session.authenticated + 3600;
  EXPECT(policy_get_session(&connection, &session) == REPRISE_RESUME);
  connection.now += 1;
  EXPECT(policy_get_session(&connection, &session) == REPRISE_FULL_HANDSHAKE);
}
