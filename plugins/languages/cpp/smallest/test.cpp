// What the policy promises, asked as the host asks.

#include "policy.hpp"
#include "reprise_testing.hpp"

using namespace reprise;

int main() {
  auto policy = testing::configured<Fresh>({});
  Connection connection = testing::connection();
  connection.now = testing::now + 3600;
  EXPECT(policy->get_session(connection, testing::session()) == GetVerdict::resume);
  connection.now += 1;
  EXPECT(policy->get_session(connection, testing::session()) == GetVerdict::full_handshake);
}
