/// Write Reprise session-cache policies in C++20.
///
/// A policy is a class that extends `reprise::Policy` and overrides the callbacks that it decides; `REPRISE_EXPORT` makes a module
/// of it:
///
///     struct Fresh : reprise::Policy {
///       explicit Fresh(reprise::Settings &) {}
///       reprise::GetVerdict get_session(const reprise::Connection &connection, const reprise::Session &candidate) override {
///         bool old = connection.now > candidate.authenticated + 3600;
///         return old ? reprise::GetVerdict::full_handshake : reprise::GetVerdict::resume;
///       }
///     };
///     REPRISE_EXPORT(Fresh)
///
/// The facts are those of wit/session-cache.wit, whose words are the reference. Every time and every number of seconds is a whole
/// number, in seconds. Views are good until the callback returns. It stands on the SDK for C.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reprise.h"
#include "reprise_network.h"
#include "reprise_server_name.h"
#include "reprise_settings.h"

namespace reprise {

using Bytes = std::span<const std::uint8_t>;

/// The connection whose handshake is running.
struct Connection {
  /// The server name of this ClientHello (SNI), in lower case.
  std::optional<std::string_view> server_name;
  /// The peer's IP address without port.
  std::optional<std::string_view> peer;
  /// The name of the listener that accepted the connection.
  std::string_view listener;
  /// The time of the ClientHello. The clock to go by: a test can set it.
  std::uint64_t now = 0;
  /// Whether the ClientHello asks for 0-RTT.
  bool early_data = false;
  /// (name, value), those that NAME.toml asks for.
  std::span<const policy_tuple2_string_string_t> attributes;
};

/// The leaf certificate of a client.
struct Certificate {
  /// SHA-256 of its DER encoding, and of its public key: 32 bytes each.
  Bytes sha256, spki_sha256;
  /// Names as RFC 2253 writes them.
  std::string_view subject, issuer;
  /// Big endian, without leading zeros.
  Bytes serial;
  /// The validity period.
  std::uint64_t not_before = 0, not_after = 0;
  /// subjectAltName: kind (`dns`, `email`, `uri`, `ip`) and value.
  std::vector<std::pair<std::string_view, std::string_view>> alternative_names;
  /// Whether OpenSSL verified the chain when the session was made.
  bool verified = false;

  /// Whether `now` lies in the validity period, both ends included.
  bool is_valid_at(std::uint64_t now) const { return not_before <= now && now <= not_after; }
};

/// What may be known about a session. It has no key material.
struct Session {
  /// 32 bytes.
  Bytes id;
  /// 0 for TLS 1.0 to 3 for TLS 1.3.
  std::uint8_t version = 3;
  /// Its number in the IANA registry.
  std::uint16_t cipher_suite = 0;
  std::optional<std::string_view> server_name, alpn;
  /// Time of the full handshake that this session descends from.
  std::uint64_t authenticated = 0;
  /// When it stops resuming.
  std::uint64_t expires = 0;
  std::uint32_t resumptions = 0;
  std::optional<Certificate> peer_certificate;
  /// What this policy attached when the session was kept.
  std::optional<Bytes> note;
  std::span<const policy_tuple2_string_string_t> attributes;
};

enum class Reach : std::uint8_t { node, fleet };
enum class Priority : std::uint8_t { low, normal, high };

/// What a policy asks for when a session is kept; of what is left out it has no opinion.
struct Terms {
  std::optional<std::uint32_t> lifetime = std::nullopt;
  std::optional<bool> single_use = std::nullopt;
  std::optional<Reach> reach = std::nullopt;
  std::optional<Priority> priority = std::nullopt;
  /// At most 1,024 bytes.
  std::optional<std::vector<std::uint8_t>> note = std::nullopt;
};

/// The terms that a new session is kept on, or `refuse`.
using NewVerdict = std::optional<Terms>;
inline constexpr std::nullopt_t refuse = std::nullopt;

enum class GetVerdict : std::uint8_t { resume, resume_without_early_data, full_handshake };
enum class RemoveVerdict : std::uint8_t { host_default, forget };
enum class Removal : std::uint8_t { fatal_alert, unclean_close, expired, evicted, replaced, consumed, revoked, unknown };

/// A policy. Every callback has no opinion unless it is overridden. It is made once per instance, of its settings, and then only
/// read: what has to last between calls belongs into a session's note or into the host's state.
class Policy {
public:
  virtual ~Policy() = default;
  /// OpenSSL has made a session: is it kept, and on which terms?
  virtual NewVerdict new_session(const Connection &, const Session &) { return Terms{}; }
  /// A client offers a session that the host itself would resume: may it?
  virtual GetVerdict get_session(const Connection &, const Session &) { return GetVerdict::resume; }
  /// A session was given up; null where the store no longer has it.
  virtual RemoveVerdict remove_session(Bytes, const Session *, Removal) { return RemoveVerdict::host_default; }
};

/// Adds 1 to a counter of the policy's own, shown in the host's metrics: lower-case letters, digits and `_`.
inline void count(const char *name) { reprise_count(name); }

inline std::string_view view(policy_string_t text) { return {reinterpret_cast<const char *>(text.ptr), text.len}; }

inline policy_string_t c_string(std::string_view text) {
  return {reinterpret_cast<std::uint8_t *>(const_cast<char *>(text.data())), text.size()};
}

} // namespace reprise

#include "reprise_cpp_export.hpp"
#include "reprise_cpp_settings.hpp"
