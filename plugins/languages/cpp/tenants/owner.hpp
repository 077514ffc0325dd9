/// Whom a session belongs to, and how that is written into its note.
#pragma once

#include "reprise.hpp"

/// What a session belongs to. Each part that is there has to be the same when the session is offered.
struct Owner {
  static constexpr std::size_t certificate_size = 32;

  /// The SHA-256 of the client certificate that was shown in the full handshake.
  std::optional<std::vector<std::uint8_t>> certificate;
  /// The network that the client was in.
  std::optional<reprise::Network> network;

  bool operator==(const Owner &) const = default;

  /// The format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one.
  std::vector<std::uint8_t> to_note() const;

  /// None for what `to_note` did not write.
  static std::optional<Owner> of_note(reprise::Bytes note);
};
