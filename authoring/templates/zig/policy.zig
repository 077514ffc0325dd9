//! Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

const std = @import("std");
const reprise = @import("reprise");

const Cautious = struct {
    names: []const []const u8,

    pub fn configure(settings: *reprise.Settings) Cautious {
        return .{ .names = settings.serverNames("name") };
    }

    pub fn newSession(self: *const Cautious, connection: reprise.Connection, session: reprise.Session) reprise.NewVerdict {
        if (!self.has(session.server_name)) return .{ .keep = .{} };
        return .{ .keep = .{ .lifetime = 600, .note = connection.peer } };
    }

    pub fn getSession(_: *const Cautious, connection: reprise.Connection, candidate: reprise.Session) reprise.GetVerdict {
        const note = candidate.note orelse return .@"resume";
        const peer = connection.peer orelse return .full_handshake;
        return if (std.mem.eql(u8, note, peer)) .@"resume" else .full_handshake;
    }

    fn has(self: *const Cautious, server_name: ?[]const u8) bool {
        const wanted = server_name orelse return false;
        for (self.names) |name| {
            if (std.mem.eql(u8, name, wanted)) return true;
        }
        return false;
    }
};

comptime {
    reprise.exportPolicy(Cautious);
}

pub const panic = reprise.panic;
