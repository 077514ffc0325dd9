// Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

#include <algorithm>

#include "reprise.hpp"

using namespace reprise;

class Cautious : public Policy {
public:
  explicit Cautious(Settings &settings) : names_(settings.server_names("name")) {}

  NewVerdict new_session(const Connection &connection, const Session &session) override {
    if (!session.server_name || std::ranges::find(names_, *session.server_name) == names_.end()) return Terms{};
    Terms terms;
    terms.lifetime = 600;
    if (connection.peer) terms.note.emplace(connection.peer->begin(), connection.peer->end());
    return terms;
  }

  GetVerdict get_session(const Connection &connection, const Session &candidate) override {
    if (!candidate.note) return GetVerdict::resume;
    bool here = connection.peer && std::ranges::equal(*candidate.note, *connection.peer);
    return here ? GetVerdict::resume : GetVerdict::full_handshake;
  }

private:
  std::vector<std::string_view> names_;
};

REPRISE_EXPORT(Cautious)
