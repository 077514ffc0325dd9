// Addresses as text and as bytes.

#include "reprise_network.h"

/// Four numbers from 0 to 255 without leading zeros.
static bool read_v4(reprise_string text, uint8_t bytes[4]) {
  size_t at = 0;
  for (int part = 0; part < 4; part++) {
    if (part > 0 && (at == text.len || text.ptr[at++] != '.')) return false;
    size_t first = at;
    unsigned number = 0;
    while (at < text.len && at < first + 3 && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
      number = number * 10 + (text.ptr[at++] - '0');
    }
    if (at == first || number > 255 || (text.ptr[first] == '0' && at > first + 1)) return false;
    bytes[part] = (uint8_t)number;
  }
  return at == text.len;
}

static int digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/// Groups of four digits, of which `::` stands for one or more that are zero; the last two may be written as IPv4.
static bool read_v6(reprise_string text, uint8_t bytes[16]) {
  size_t at = 0, used = 0, gap = 17;
  if (text.len >= 2 && text.ptr[0] == ':' && text.ptr[1] == ':') {
    gap = 0;
    at = 2;
  }
  while (at < text.len) {
    reprise_string rest = {text.ptr + at, text.len - at};
    if (used <= 12 && memchr(rest.ptr, ':', rest.len) == NULL && read_v4(rest, bytes + used)) {
      used += 4;
      at = text.len;
      break;
    }
    unsigned group = 0;
    size_t first = at;
    while (at < text.len && at < first + 4 && digit(text.ptr[at]) >= 0) {
      group = group << 4 | (unsigned)digit(text.ptr[at++]);
    }
    if (at == first || used == 16) return false;
    bytes[used++] = (uint8_t)(group >> 8);
    bytes[used++] = (uint8_t)group;
    if (at == text.len) break;
    if (text.ptr[at++] != ':' || at == text.len) return false;
    if (text.ptr[at] == ':') {
      if (gap < 17) return false;
      gap = used;
      at++;
    }
  }
  if (gap == 17) return used == 16;
  if (used == 16) return false;
  memmove(bytes + 16 - (used - gap), bytes + gap, used - gap);
  memset(bytes + gap, 0, 16 - used);
  return true;
}

bool reprise_address_read(reprise_string text, reprise_address *address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  memset(address, 0, sizeof *address);
  address->length = 4;
  if (read_v4(text, address->bytes)) return true;
  address->length = 16;
  if (!read_v6(text, address->bytes)) return false;
  if (memcmp(address->bytes, mapped, sizeof mapped) == 0) {
    address->length = 4;
    memmove(address->bytes, address->bytes + 12, 4);
    memset(address->bytes + 4, 0, 12);
  }
  return true;
}

reprise_address reprise_network_of(reprise_address address, unsigned prefix) {
  for (size_t i = 0; i < address.length; i++) {
    unsigned bits = prefix > 8 * i ? prefix - 8 * (unsigned)i : 0;
    if (bits < 8) address.bytes[i] &= (uint8_t)(0xff00 >> bits);
  }
  return address;
}
