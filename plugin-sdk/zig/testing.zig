//! For unit tests of policies, which run natively: facts to ask a policy about, and what it counted. The facts are those of every
//! SDK's tests, and of vectors (docs/conformance.md).

const std = @import("std");
const reprise = @import("reprise");
const c = reprise.c;

/// 2030-01-01T00:00:00Z.
pub const now: u64 = 1_893_456_000;

/// A connection to `a.example` from 192.0.2.1.
pub fn connection() reprise.Connection {
    return .{ .server_name = "a.example", .peer = "192.0.2.1", .listener = "public", .now = now };
}

/// A TLS 1.3 session of `a.example`, authenticated `now` without a client certificate, good for a day.
pub fn session() reprise.Session {
    return .{
        .id = &@as([32]u8, @splat(0x11)),
        .cipher_suite = 0x1301,
        .server_name = "a.example",
        .authenticated = now,
        .expires = now + 86_400,
    };
}

/// A verified client certificate, valid for an hour on either side of `now`.
pub fn certificate() reprise.Certificate {
    return .{
        .sha256 = &@as([32]u8, @splat(0x22)),
        .spki_sha256 = &@as([32]u8, @splat(0x33)),
        .subject = "CN=client,O=Example",
        .issuer = "CN=Client CA,O=Example",
        .serial = &[_]u8{ 0x0a, 0x1b },
        .not_before = now - 3600,
        .not_after = now + 3600,
        .verified = true,
        .alternative_names = &.{},
    };
}

/// How often `name` was counted.
pub fn counted(name: [:0]const u8) c_uint {
    return testing_counted(name.ptr);
}

extern fn testing_counted(name: [*:0]const u8) c_uint;

/// A policy configured as the host would, of pairs of key and value.
pub fn configured(comptime P: type, pairs: []const [2][]const u8) union(enum) { policy: P, refused: []const u8 } {
    const holder = struct {
        var made: P = undefined;
        fn configure(settings: ?*c.reprise_settings) callconv(.c) void {
            var reader = reprise.Settings{ .settings = settings };
            made = P.configure(&reader);
        }
    };
    const list = std.heap.c_allocator.alloc(c.policy_tuple2_string_string_t, pairs.len) catch @panic("no memory");
    for (list, pairs) |*pair, text| {
        pair.f0 = .{ .ptr = @constCast(text[0].ptr), .len = text[0].len };
        pair.f1 = .{ .ptr = @constCast(text[1].ptr), .len = text[1].len };
    }
    const said: ?[*:0]u8 = c.reprise_configure(.{ .ptr = list.ptr, .len = list.len }, &holder.configure);
    return if (said) |message| .{ .refused = std.mem.span(message) } else .{ .policy = holder.made };
}
