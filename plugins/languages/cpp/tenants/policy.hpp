/// Policy: a session belongs to the client certificate, and by setting to the network, that made it.
///
/// The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.
#pragma once

#include <variant>

#include "owner.hpp"
#include "tenant.hpp"

/// Why a session is not kept or not resumed: the name of the counter that tells.
using Objection = const char *;

/// To whom sessions belong.
class Tenants : public reprise::Policy {
public:
  explicit Tenants(reprise::Settings &settings);

  reprise::NewVerdict new_session(const reprise::Connection &, const reprise::Session &) override;
  reprise::GetVerdict get_session(const reprise::Connection &, const reprise::Session &) override;

private:
  /// To whom `session` would belong on `connection`, by the settings of today.
  std::variant<Owner, Objection> owner(const reprise::Connection &connection, const reprise::Session &session) const;

  bool require_certificate_;
  std::optional<int> ipv4_prefix_, ipv6_prefix_;
  reprise::ServerNames<Tenant> tenants_;
};
