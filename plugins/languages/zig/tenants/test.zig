//! What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)

const std = @import("std");
const reprise = @import("reprise");
const testing = @import("testing");
const Tenants = @import("policy.zig").Tenants;
const endsInNames = @import("tenant.zig").endsInNames;

/// The session as the store has it: with the note that the policy attached, kept in `buffer`.
fn kept(policy: Tenants, connection: reprise.Connection, session: reprise.Session, buffer: []u8) reprise.Session {
    const note = policy.newSession(connection, session).keep.note.?;
    @memcpy(buffer[0..note.len], note);
    var stored = session;
    stored.note = buffer[0..note.len];
    return stored;
}

test "a session resumes for the certificate that it was kept for" {
    const policy = testing.configured(Tenants, &.{}).policy;
    var session = testing.session();
    session.peer_certificate = testing.certificate();
    var buffer: [64]u8 = undefined;
    var stored = kept(policy, testing.connection(), session, &buffer);
    try std.testing.expectEqual(.@"resume", policy.getSession(testing.connection(), stored));
    stored.peer_certificate.?.sha256 = &@as([32]u8, @splat(0x44));
    try std.testing.expectEqual(.full_handshake, policy.getSession(testing.connection(), stored));
    try std.testing.expectEqual(1, testing.counted("other_owner"));
}

test "a session stays in its network" {
    const policy = testing.configured(Tenants, &.{.{ "ipv4-prefix", "24" }}).policy;
    var buffer: [64]u8 = undefined;
    const stored = kept(policy, testing.connection(), testing.session(), &buffer);
    var connection = testing.connection();
    connection.peer = "192.0.2.254";
    try std.testing.expectEqual(.@"resume", policy.getSession(connection, stored));
    connection.peer = "192.0.3.1";
    try std.testing.expectEqual(.full_handshake, policy.getSession(connection, stored));
}

test "a subject ends in whole names" {
    try std.testing.expect(endsInNames("CN=x,O=A,C=DE", "O=A,C=DE"));
    try std.testing.expect(!endsInNames("CN=x\\,O=A,C=DE", "O=A,C=DE"));
}

test "settings that make no sense are told" {
    const found = testing.configured(Tenants, &.{.{ "ipv4-prefix", "33" }}).refused;
    try std.testing.expectEqualStrings("setting `ipv4-prefix`: expected a number from 0 to 32, found `33`", found);
}
