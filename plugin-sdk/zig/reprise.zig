//! Write Reprise session-cache policies in Zig.
//!
//! A policy is a struct, made of its settings, with the callbacks that its world exports; `exportPolicy` makes a module of it:
//!
//!     const Fresh = struct {
//!         pub fn configure(_: *reprise.Settings) Fresh {
//!             return .{};
//!         }
//!         pub fn getSession(_: *const Fresh, connection: reprise.Connection, candidate: reprise.Session) reprise.GetVerdict {
//!             return if (connection.now > candidate.authenticated + 3600) .full_handshake else .@"resume";
//!         }
//!     };
//!     comptime {
//!         reprise.exportPolicy(Fresh);
//!     }
//!     pub const panic = reprise.panic;
//!
//! The facts are those of wit/session-cache.wit, whose words are the reference. Every time and every number of seconds is a whole
//! number, in seconds. Slices are good until the callback returns; those of settings, for the instance's life. It stands on the SDK
//! for C.

const std = @import("std");
pub const c = @import("c");
const facts = @import("facts.zig");

pub const Connection = facts.Connection;
pub const Certificate = facts.Certificate;
pub const Session = facts.Session;
pub const Settings = @import("settings.zig").Settings;
pub const ServerNames = @import("settings.zig").ServerNames;
pub const Network = @import("network.zig").Network;

/// What a policy asks for when a session is kept; of what is null it has no opinion.
pub const Terms = struct {
    lifetime: ?u32 = null,
    single_use: ?bool = null,
    reach: ?enum(u8) { node, fleet } = null,
    priority: ?enum(u8) { low, normal, high } = null,
    /// At most 1,024 bytes; they are copied.
    note: ?[]const u8 = null,
};

pub const NewVerdict = union(enum) { keep: Terms, refuse };
pub const GetVerdict = enum(u8) { @"resume", resume_without_early_data, full_handshake };
pub const RemoveVerdict = enum(u8) { host_default, forget };
pub const Removal = enum(u8) { fatal_alert, unclean_close, expired, evicted, replaced, consumed, revoked, unknown };

/// Adds 1 to a counter of the policy's own, shown in the host's metrics: lower-case letters, digits and `_`.
pub fn count(name: [:0]const u8) void {
    c.reprise_count(name.ptr);
}

/// What a root module has as its `panic`: the message goes to the server's log, and the call traps. Without it zig's own says it through
/// WASI, in a module that is larger by 120 KB.
pub const panic = std.debug.FullPanic(logPanic);

fn logPanic(message: []const u8, _: ?usize) noreturn {
    const begin = "panic: ";
    var line: [256]u8 = @splat(0);
    @memcpy(line[0..begin.len], begin);
    const told = @min(message.len, line.len - begin.len - 1);
    @memcpy(line[begin.len..][0..told], message[0..told]);
    c.reprise_warn(line[0 .. begin.len + told :0].ptr);
    @trap();
}

/// Makes a module of a struct with `configure` and those of `newSession`, `getSession` and `removeSession` that the world exports. One
/// that is missing is an undefined symbol to the linker: `policy_new_session` and so on.
pub fn exportPolicy(comptime P: type) void {
    const exports = struct {
        var instance: ?P = null;

        fn policy() *const P {
            if (instance == null) _ = c.reprise_configure(.{ .ptr = null, .len = 0 }, &configure);
            return &instance.?;
        }

        fn configure(settings: ?*c.reprise_settings) callconv(.c) void {
            var reader = Settings{ .settings = settings };
            instance = P.configure(&reader);
        }

        fn newSession(
            connection: *const c.reprise_connection,
            session: *const c.reprise_session,
        ) callconv(.c) c.reprise_new_verdict {
            const s = Session.of(session);
            return lowered(policy().newSession(Connection.of(connection), s));
        }

        fn getSession(
            connection: *const c.reprise_connection,
            candidate: *const c.reprise_session,
        ) callconv(.c) c.reprise_get_verdict {
            return @intFromEnum(policy().getSession(Connection.of(connection), Session.of(candidate)));
        }

        fn removeSession(
            id: c.reprise_bytes,
            session: ?*const c.reprise_session,
            why: c.reprise_removal,
        ) callconv(.c) c.reprise_remove_verdict {
            const given: ?Session = if (session) |s| Session.of(s) else null;
            return @intFromEnum(policy().removeSession(facts.bytes(id), given, @enumFromInt(why)));
        }
    };
    @export(&exports.configure, .{ .name = "policy_configure" });
    if (@hasDecl(P, "newSession")) @export(&exports.newSession, .{ .name = "policy_new_session" });
    if (@hasDecl(P, "getSession")) @export(&exports.getSession, .{ .name = "policy_get_session" });
    if (@hasDecl(P, "removeSession")) @export(&exports.removeSession, .{ .name = "policy_remove_session" });
}

fn lowered(verdict: NewVerdict) c.reprise_new_verdict {
    const terms = switch (verdict) {
        .refuse => return c.reprise_refuse(),
        .keep => |terms| terms,
    };
    var kept = c.reprise_keep();
    const keep = &kept.val.keep;
    if (terms.lifetime) |lifetime| keep.lifetime = .{ .is_some = true, .val = lifetime };
    if (terms.single_use) |single| keep.single_use = .{ .is_some = true, .val = single };
    if (terms.reach) |reach| keep.reach = .{ .is_some = true, .val = @intFromEnum(reach) };
    if (terms.priority) |priority| keep.priority = .{ .is_some = true, .val = @intFromEnum(priority) };
    if (terms.note) |note| c.reprise_attach(&kept, note.ptr, note.len);
    return kept;
}
