#include "owner.h"

/// The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread.
enum { FORMAT = 1 };

bool owner_find_network(owner *owner, network_prefixes prefixes, const reprise_connection *connection) {
  if (prefixes.ipv4 == NOT_BOUND && prefixes.ipv6 == NOT_BOUND) return true;
  reprise_address peer;
  if (!connection->peer.is_some || !reprise_address_read(connection->peer.val, &peer)) return false;
  int prefix = peer.length == 4 ? prefixes.ipv4 : prefixes.ipv6;
  if (prefix == NOT_BOUND) return true;
  owner->has_network = true;
  owner->prefix = (uint8_t)prefix;
  owner->network = reprise_network_of(peer, (unsigned)prefix);
  return true;
}

size_t owner_write(const owner *owner, uint8_t note[MAX_NOTE]) {
  size_t length = 0;
  note[length++] = FORMAT;
  note[length++] = owner->has_certificate;
  if (owner->has_certificate) {
    memcpy(note + length, owner->certificate, sizeof owner->certificate);
    length += sizeof owner->certificate;
  }
  if (owner->has_network) {
    note[length++] = owner->prefix;
    memcpy(note + length, owner->network.bytes, owner->network.length);
    length += owner->network.length;
  }
  return length;
}

bool owner_read(reprise_bytes note, owner *owner) {
  *owner = (struct owner){0};
  if (note.len < 2 || note.ptr[0] != FORMAT || note.ptr[1] > 1) return false;
  size_t at = 2;
  owner->has_certificate = note.ptr[1] == 1;
  if (owner->has_certificate) {
    if (note.len < at + sizeof owner->certificate) return false;
    memcpy(owner->certificate, note.ptr + at, sizeof owner->certificate);
    at += sizeof owner->certificate;
  }
  if (at == note.len) return true;
  owner->has_network = true;
  owner->prefix = note.ptr[at++];
  owner->network.length = note.len - at;
  if ((owner->network.length != 4 && owner->network.length != 16) || owner->prefix > 8 * owner->network.length) {
    return false;
  }
  memcpy(owner->network.bytes, note.ptr + at, owner->network.length);
  reprise_address network = reprise_network_of(owner->network, owner->prefix);
  return memcmp(network.bytes, owner->network.bytes, sizeof network.bytes) == 0;
}

bool owner_same(const owner *one, const owner *other) {
  return one->has_certificate == other->has_certificate && one->has_network == other->has_network &&
         one->prefix == other->prefix && one->network.length == other->network.length &&
         memcmp(one->certificate, other->certificate, sizeof one->certificate) == 0 &&
         memcmp(one->network.bytes, other->network.bytes, sizeof one->network.bytes) == 0;
}
