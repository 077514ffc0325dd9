//! The facts as Zig has them, over those of C.

const std = @import("std");
const c = @import("c");

/// The connection whose handshake is running.
pub const Connection = struct {
    /// The server name of this ClientHello (SNI), in lower case.
    server_name: ?[]const u8 = null,
    /// The peer's IP address without port.
    peer: ?[]const u8 = null,
    /// The name of the listener that accepted the connection.
    listener: []const u8 = "",
    /// The time of the ClientHello. The clock to go by: a test can set it.
    now: u64 = 0,
    /// Whether the ClientHello asks for 0-RTT.
    early_data: bool = false,

    pub fn of(connection: *const c.reprise_connection) Connection {
        return .{
            .server_name = optional(connection.server_name),
            .peer = optional(connection.peer),
            .listener = text(connection.listener),
            .now = connection.now,
            .early_data = connection.early_data,
        };
    }
};

/// The leaf certificate of a client.
pub const Certificate = struct {
    /// SHA-256 of its DER encoding: 32 bytes.
    sha256: []const u8,
    /// SHA-256 of its public key: 32 bytes.
    spki_sha256: []const u8,
    /// Names as RFC 2253 writes them.
    subject: []const u8,
    issuer: []const u8,
    /// Big endian, without leading zeros.
    serial: []const u8,
    /// The validity period.
    not_before: u64,
    not_after: u64,
    /// Whether OpenSSL verified the chain when the session was made.
    verified: bool,
    alternative_names: []const c.policy_tuple2_string_string_t,

    pub fn of(certificate: *const c.reprise_certificate) Certificate {
        const names = certificate.alternative_names;
        return .{
            .sha256 = bytes(certificate.sha256),
            .spki_sha256 = bytes(certificate.spki_sha256),
            .subject = text(certificate.subject),
            .issuer = text(certificate.issuer),
            .serial = bytes(certificate.serial),
            .not_before = certificate.not_before,
            .not_after = certificate.not_after,
            .verified = certificate.verified,
            .alternative_names = if (names.len == 0) &.{} else names.ptr[0..names.len],
        };
    }

    /// Whether `now` lies in the validity period, both ends included.
    pub fn isValidAt(certificate: Certificate, now: u64) bool {
        return certificate.not_before <= now and now <= certificate.not_after;
    }

    /// Whether a subjectAltName entry of `kind` (`dns`, `email`, `uri`, `ip`) begins with `prefix`.
    pub fn hasName(certificate: Certificate, kind: []const u8, prefix: []const u8) bool {
        for (certificate.alternative_names) |name| {
            if (std.mem.eql(u8, text(name.f0), kind) and std.mem.startsWith(u8, text(name.f1), prefix)) return true;
        }
        return false;
    }
};

/// What may be known about a session. It has no key material.
pub const Session = struct {
    /// 32 bytes.
    id: []const u8,
    /// 0 for TLS 1.0 to 3 for TLS 1.3.
    version: u8 = 3,
    /// Its number in the IANA registry.
    cipher_suite: u16 = 0,
    server_name: ?[]const u8 = null,
    alpn: ?[]const u8 = null,
    /// Time of the full handshake that this session descends from.
    authenticated: u64,
    /// When it stops resuming.
    expires: u64,
    resumptions: u32 = 0,
    peer_certificate: ?Certificate = null,
    /// What this policy attached when the session was kept.
    note: ?[]const u8 = null,

    pub fn of(session: *const c.reprise_session) Session {
        return .{
            .id = bytes(.{ .ptr = session.id.ptr, .len = session.id.len }),
            .version = session.version,
            .cipher_suite = session.cipher_suite,
            .server_name = optional(session.server_name),
            .alpn = optional(session.alpn),
            .authenticated = session.authenticated,
            .expires = session.expires,
            .resumptions = session.resumptions,
            .peer_certificate = if (session.peer_certificate.is_some) .of(&session.peer_certificate.val) else null,
            .note = if (session.note.is_some) bytes(session.note.val) else null,
        };
    }
};

/// C's text as a slice.
pub fn text(given: c.reprise_string) []const u8 {
    return if (given.len == 0) "" else given.ptr[0..given.len];
}

/// A slice as C's text; it is not copied.
pub fn string(slice: []const u8) c.reprise_string {
    return .{ .ptr = @constCast(slice.ptr), .len = slice.len };
}

pub fn bytes(list: c.reprise_bytes) []const u8 {
    return if (list.len == 0) "" else list.ptr[0..list.len];
}

fn optional(option: c.policy_option_string_t) ?[]const u8 {
    return if (option.is_some) text(option.val) else null;
}
