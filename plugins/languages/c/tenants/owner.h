/// Whom a session belongs to, and how that is written into its note.
#ifndef OWNER_H
#define OWNER_H

#include "reprise_network.h"

/// What a session belongs to. Each part that is there has to be the same when the session is offered.
typedef struct owner {
  /// The SHA-256 of the client certificate that was shown in the full handshake.
  bool has_certificate;
  uint8_t certificate[32];
  /// The network that the client was in: its prefix and its address.
  bool has_network;
  uint8_t prefix;
  reprise_address network;
} owner;

/// How long the prefix is that peers of one network share.
typedef struct {
  int ipv4, ipv6;
} network_prefixes;

/// The prefix that does not bind sessions to networks.
#define NOT_BOUND (-1)

/// Bytes of the longest note: format, presence, certificate, prefix, address.
#define MAX_NOTE (2 + 32 + 1 + 16)

/// The network that a session made or offered on `connection` is bound to; false if it is to be and nobody said where the
/// connection comes from.
bool owner_find_network(owner *owner, network_prefixes prefixes, const reprise_connection *connection);

/// Writes a note; its length.
size_t owner_write(const owner *owner, uint8_t note[MAX_NOTE]);

/// False for what `owner_write` did not write.
bool owner_read(reprise_bytes note, owner *owner);

bool owner_same(const owner *one, const owner *other);

#endif
