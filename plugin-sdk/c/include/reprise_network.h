/// Networks: which peers belong together.
#ifndef REPRISE_NETWORK_H
#define REPRISE_NETWORK_H

#include "reprise.h"

#ifdef __cplusplus
extern "C" {
#endif

/// An IP address: 4 or 16 bytes in network order.
typedef struct {
  size_t length;
  uint8_t bytes[16];
} reprise_address;

/// Reads an address as RFC 5952 and its kin write it, an IPv4-mapped IPv6 address as IPv4. False if it is none.
bool reprise_address_read(reprise_string text, reprise_address *address);

/// The network of `prefix` bits that the address belongs to: the same with all other bits zero.
reprise_address reprise_network_of(reprise_address address, unsigned prefix);

#ifdef __cplusplus
}
#endif
#endif
