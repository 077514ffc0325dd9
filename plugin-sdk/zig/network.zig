//! Networks: which peers belong together.

const std = @import("std");
const c = @import("c");
const facts = @import("facts.zig");

/// An IP network: an address whose bits beyond the prefix are zero.
pub const Network = struct {
    prefix: u8,
    address: c.reprise_address,

    /// The address in a text, an IPv4-mapped one as IPv4; null if it is none.
    pub fn addressOf(text: []const u8) ?c.reprise_address {
        var address: c.reprise_address = undefined;
        return if (c.reprise_address_read(facts.string(text), &address)) address else null;
    }

    /// The network of `prefix` bits that an address belongs to.
    pub fn of(address: c.reprise_address, prefix: u8) Network {
        return .{ .prefix = prefix, .address = c.reprise_network_of(address, prefix) };
    }

    /// 4 or 16 bytes in network order.
    pub fn bytes(self: *const Network) []const u8 {
        return self.address.bytes[0..self.address.length];
    }

    pub fn eql(one: Network, other: Network) bool {
        return one.prefix == other.prefix and std.mem.eql(u8, one.bytes(), other.bytes());
    }

    /// The network of a prefix and an address of 4 or 16 bytes; null if that is none, or has bits beyond the prefix.
    pub fn fromBytes(prefix: u8, address: []const u8) ?Network {
        if ((address.len != 4 and address.len != 16) or prefix > 8 * address.len) return null;
        var whole = std.mem.zeroes(c.reprise_address);
        whole.length = address.len;
        @memcpy(whole.bytes[0..address.len], address);
        const network = of(whole, prefix);
        return if (std.mem.eql(u8, network.bytes(), address)) network else null;
    }
};
