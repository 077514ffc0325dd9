//! Whom a session belongs to, and how that is written into its note.

const std = @import("std");
const reprise = @import("reprise");

/// What a session belongs to. Each part that is there has to be the same when the session is offered.
pub const Owner = struct {
    /// The SHA-256 of the client certificate that was shown in the full handshake.
    certificate: ?[32]u8 = null,
    /// The network that the client was in.
    network: ?reprise.Network = null,

    /// The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread.
    const format = 1;
    /// Bytes of the longest note: format, presence, certificate, prefix, address.
    pub const max_note = 2 + 32 + 1 + 16;

    /// The format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one.
    pub fn toNote(self: *const Owner, buffer: *[max_note]u8) []const u8 {
        buffer[0..2].* = .{ format, @intFromBool(self.certificate != null) };
        var end: usize = 2;
        if (self.certificate) |certificate| {
            buffer[2..34].* = certificate;
            end = 34;
        }
        if (self.network) |network| {
            buffer[end] = network.prefix;
            @memcpy(buffer[end + 1 ..][0..network.bytes().len], network.bytes());
            end += 1 + network.bytes().len;
        }
        return buffer[0..end];
    }

    /// Null for what `toNote` did not write.
    pub fn ofNote(note: []const u8) ?Owner {
        if (note.len < 2 or note[0] != format or note[1] > 1) return null;
        var owner = Owner{};
        var rest = note[2..];
        if (note[1] == 1) {
            if (rest.len < 32) return null;
            owner.certificate = rest[0..32].*;
            rest = rest[32..];
        }
        if (rest.len > 0) owner.network = reprise.Network.fromBytes(rest[0], rest[1..]) orelse return null;
        return owner;
    }

    pub fn eql(one: Owner, other: Owner) bool {
        const same_certificate = if (one.certificate) |certificate|
            other.certificate != null and std.mem.eql(u8, &certificate, &other.certificate.?)
        else
            other.certificate == null;
        const same_network = if (one.network) |network|
            other.network != null and network.eql(other.network.?)
        else
            other.network == null;
        return same_certificate and same_network;
    }
};

/// How long the prefix is that peers of one network share; null does not bind sessions to networks.
pub const Prefixes = struct {
    ipv4: ?u8,
    ipv6: ?u8,

    /// The network that a session made or offered on `connection` is bound to; an error if nobody said where it comes from.
    pub fn networkOf(self: Prefixes, connection: reprise.Connection) error{NoPeer}!?reprise.Network {
        if (self.ipv4 == null and self.ipv6 == null) return null;
        const peer = reprise.Network.addressOf(connection.peer orelse return error.NoPeer) orelse return error.NoPeer;
        const prefix = if (peer.length == 4) self.ipv4 else self.ipv6;
        return if (prefix) |bits| reprise.Network.of(peer, bits) else null;
    }
};
