//! Policy: a session belongs to the client certificate, and by setting to the network, that made it.
//!
//! The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.

const std = @import("std");
const reprise = @import("reprise");
const Owner = @import("owner.zig").Owner;
const Prefixes = @import("owner.zig").Prefixes;
const Tenant = @import("tenant.zig").Tenant;

/// Why a session is not kept or not resumed; the name of the counter that tells.
const Objection = error{ no_certificate, unverified, not_valid_now, not_of_tenant, no_peer, no_owner, other_owner };

/// To whom sessions belong.
pub const Tenants = struct {
    require_certificate: bool,
    prefixes: Prefixes,
    tenants: reprise.ServerNames(Tenant),

    pub fn configure(settings: *reprise.Settings) Tenants {
        return .{
            .require_certificate = settings.flag("require-certificate"),
            .prefixes = .{
                .ipv4 = settings.number("ipv4-prefix", 32),
                .ipv6 = settings.number("ipv6-prefix", 128),
            },
            .tenants = .read(settings, "tenant"),
        };
    }

    pub fn newSession(self: *const Tenants, connection: reprise.Connection, session: reprise.Session) reprise.NewVerdict {
        const found = self.owner(connection, session) catch |objection| {
            reprise.count(@errorName(objection));
            return .refuse;
        };
        // The SDK copies it before anything else is called.
        const note = struct {
            var buffer: [Owner.max_note]u8 = undefined;
        };
        return .{ .keep = .{ .note = found.toNote(&note.buffer) } };
    }

    pub fn getSession(self: *const Tenants, connection: reprise.Connection, candidate: reprise.Session) reprise.GetVerdict {
        self.check(connection, candidate) catch |objection| {
            reprise.count(@errorName(objection));
            return .full_handshake;
        };
        return .@"resume";
    }

    fn check(self: *const Tenants, connection: reprise.Connection, candidate: reprise.Session) Objection!void {
        const wanted = try self.owner(connection, candidate);
        const note = candidate.note orelse return error.no_owner;
        const noted = Owner.ofNote(note) orelse return error.no_owner;
        if (!noted.eql(wanted)) return error.other_owner;
    }

    /// To whom `session` would belong on `connection`, by the settings of today.
    fn owner(self: *const Tenants, connection: reprise.Connection, session: reprise.Session) Objection!Owner {
        const tenant = if (connection.server_name) |name| self.tenants.find(name) else null;
        var found = Owner{};
        if (session.peer_certificate) |certificate| {
            if (!certificate.verified) return error.unverified;
            if (!certificate.isValidAt(connection.now)) return error.not_valid_now;
            if (tenant) |rules| {
                if (!rules.owns(certificate)) return error.not_of_tenant;
            }
            if (certificate.sha256.len != 32) return error.unverified;
            found.certificate = certificate.sha256[0..32].*;
        } else if (self.require_certificate or tenant != null) {
            return error.no_certificate;
        }
        found.network = self.prefixes.networkOf(connection) catch return error.no_peer;
        return found;
    }
};

comptime {
    reprise.exportPolicy(Tenants);
}

pub const panic = reprise.panic;

test {
    _ = @import("test.zig");
}
