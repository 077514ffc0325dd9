#include "policy.hpp"

using namespace reprise;

Tenants::Tenants(Settings &settings)
    : require_certificate_(settings.flag("require-certificate")), ipv4_prefix_(settings.number("ipv4-prefix", 0, 32)),
      ipv6_prefix_(settings.number("ipv6-prefix", 0, 128)), tenants_(settings, "tenant") {}

NewVerdict Tenants::new_session(const Connection &connection, const Session &session) {
  auto found = owner(connection, session);
  if (auto *objection = std::get_if<Objection>(&found)) {
    count(*objection);
    return refuse;
  }
  return Terms{.note = std::get_if<Owner>(&found)->to_note()};
}

GetVerdict Tenants::get_session(const Connection &connection, const Session &candidate) {
  auto wanted = owner(connection, candidate);
  Objection objection = nullptr;
  if (auto *found = std::get_if<Objection>(&wanted)) {
    objection = *found;
  } else if (auto noted = candidate.note ? Owner::of_note(*candidate.note) : std::nullopt; !noted) {
    objection = "no_owner";
  } else if (*noted != *std::get_if<Owner>(&wanted)) {
    objection = "other_owner";
  }
  if (objection == nullptr) return GetVerdict::resume;
  count(objection);
  return GetVerdict::full_handshake;
}

std::variant<Owner, Objection> Tenants::owner(const Connection &connection, const Session &session) const {
  const Tenant *tenant = connection.server_name ? tenants_.find(*connection.server_name) : nullptr;
  Owner owner;
  if (const auto &certificate = session.peer_certificate) {
    if (!certificate->verified) return "unverified";
    if (!certificate->is_valid_at(connection.now)) return "not_valid_now";
    if (tenant && !tenant->owns(*certificate)) return "not_of_tenant";
    if (certificate->sha256.size() != Owner::certificate_size) return "unverified";
    owner.certificate.emplace(certificate->sha256.begin(), certificate->sha256.end());
  } else if (require_certificate_ || tenant) {
    return "no_certificate";
  }
  if (ipv4_prefix_ || ipv6_prefix_) {
    auto network = Network::of(connection.peer.value_or(""), ipv4_prefix_, ipv6_prefix_);
    if (!network) return "no_peer";
    owner.network = *network;
  }
  return owner;
}

REPRISE_EXPORT(Tenants)
