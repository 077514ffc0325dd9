"""Networks: which peers belong together. On top of the standard library's `ipaddress`."""

import ipaddress
from typing import Optional, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def address_of(text: str) -> Optional[Address]:
    """The address in a text, an IPv4-mapped one as IPv4; `None` if it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6:
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def network_of(address: Address, prefix: int) -> Network:
    """The network of `prefix` bits that an address belongs to."""
    return ipaddress.ip_network((address, prefix), strict=False)


def to_bytes(network: Network) -> bytes:
    """The prefix length and the address, for a note."""
    return bytes([network.prefixlen]) + network.network_address.packed


def from_bytes(data: bytes) -> Optional[Network]:
    """`None` for what `to_bytes` did not write."""
    if len(data) not in (5, 17):
        return None
    try:
        return ipaddress.ip_network((ipaddress.ip_address(data[1:]), data[0]))
    except ValueError:
        return None
