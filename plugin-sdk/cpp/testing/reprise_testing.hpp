/// For unit tests of policies, which run natively: facts to ask a policy about, and what it counted. The facts are those of every
/// SDK's tests, and of vectors (docs/conformance.md).
#pragma once

#include <memory>

#include "reprise.hpp"
#include "reprise_testing.h"

namespace reprise::testing {

/// 2030-01-01T00:00:00Z.
inline constexpr std::uint64_t now = TESTING_NOW;

/// A connection to `a.example` from 192.0.2.1.
inline Connection connection() { return facts_of(testing_connection()); }

/// A TLS 1.3 session of `a.example`, authenticated `now` without a client certificate, good for a day.
inline Session session() { return facts_of(testing_session()); }

/// A verified client certificate, valid for an hour on either side of `now`.
inline Certificate certificate() { return facts_of(testing_certificate()); }

/// How often `name` was counted.
inline unsigned counted(const char *name) { return testing_counted(name); }

/// A policy configured as the host would, of pairs of key and value; null if it does not take them, and then `error` says why.
template <typename P>
std::unique_ptr<P> configured(std::initializer_list<std::pair<const char *, const char *>> pairs,
                              std::string *error = nullptr) {
  static std::unique_ptr<P> made;
  std::vector<policy_tuple2_string_string_t> list;
  for (const auto &[key, value] : pairs) list.push_back({c_string(key), c_string(value)});
  auto *said = reprise_configure({list.data(), list.size()}, [](reprise_settings *settings) {
    Settings reader(settings);
    made = std::make_unique<P>(reader);
  });
  if (said && error) *error = said;
  return said ? nullptr : std::move(made);
}

} // namespace reprise::testing
