//! Policy: a session resumes within an hour of its full handshake.

const reprise = @import("reprise");

const Fresh = struct {
    pub fn configure(_: *reprise.Settings) Fresh {
        return .{};
    }

    pub fn getSession(_: *const Fresh, connection: reprise.Connection, candidate: reprise.Session) reprise.GetVerdict {
        return if (connection.now > candidate.authenticated + 3600) .full_handshake else .@"resume";
    }
};

comptime {
    reprise.exportPolicy(Fresh);
}

pub const panic = reprise.panic;

test "a session resumes within an hour of its full handshake" {
    const std = @import("std");
    const testing = @import("testing");
    const policy = Fresh{};
    var connection = testing.connection();
    connection.now = testing.now + 3600;
    try std.testing.expectEqual(.@"resume", policy.getSession(connection, testing.session()));
    connection.now += 1;
    try std.testing.expectEqual(.full_handshake, policy.getSession(connection, testing.session()));
}
