//! Settings and server names, over the SDK for C.

const std = @import("std");
const c = @import("c");
const facts = @import("facts.zig");

/// Settings last as long as the instance, and are never given back.
const allocator = std.heap.c_allocator;

/// The [settings] table of NAME.toml, read key by key. The first error counts; a key that nobody read is an error too.
pub const Settings = struct {
    settings: ?*c.reprise_settings,

    /// true or false; false if it is not set.
    pub fn flag(self: *Settings, key: [:0]const u8) bool {
        return c.reprise_setting_flag(self.settings, key.ptr, false);
    }

    /// A whole number from 0 to `most`; null if it is not set.
    pub fn number(self: *Settings, key: [:0]const u8, most: u8) ?u8 {
        const found = c.reprise_setting_number(self.settings, key.ptr, 0, most, -1);
        return if (found < 0) null else @intCast(found);
    }

    /// Every value of `key`, in the order of the file.
    pub fn all(self: *Settings, key: [:0]const u8) []const []const u8 {
        return slicesOf(c.reprise_setting_all(self.settings, key.ptr));
    }

    /// Every value of `key`, each a server name and no pattern, as the host spells it.
    pub fn serverNames(self: *Settings, key: [:0]const u8) []const []const u8 {
        return slicesOf(c.reprise_setting_server_names(self.settings, key.ptr));
    }

    fn slicesOf(values: c.reprise_strings) []const []const u8 {
        const slices = allocator.alloc([]const u8, values.len) catch @trap();
        for (slices, 0..) |*slice, i| slice.* = facts.text(values.ptr[i]);
        return slices;
    }

    /// An error about `key`, for what a policy checks beyond types; `found` is null where nothing was.
    pub fn invalid(self: *Settings, key: [:0]const u8, expected: [:0]const u8, found: ?[]const u8) void {
        const string = facts.string(found orelse "");
        c.reprise_setting_invalid(self.settings, key.ptr, expected.ptr, if (found == null) null else &string);
    }
};

const pattern_expected =
    "a server name such as a.example or *.example, without scheme, port or path; no address; xn-- where it is not ASCII";

/// Something for each of several server names or patterns such as `*.example`. The most specific pattern holds.
pub fn ServerNames(comptime T: type) type {
    return struct {
        entries: std.ArrayList(Entry) = .empty,

        const Self = @This();
        const Entry = struct { pattern: []const u8, value: T };

        /// Reads `[settings.KEY."NAME"]`, each of them, with `T.read`.
        pub fn read(settings: *Settings, key: [:0]const u8) Self {
            var names = Self{};
            c.reprise_setting_tables(settings.settings, key.ptr, &readOne, &names);
            return names;
        }

        fn readOne(context: ?*anyopaque, name: c.reprise_string, table: ?*c.reprise_settings) callconv(.c) void {
            const names: *Self = @ptrCast(@alignCast(context.?));
            if (!c.reprise_is_pattern(name)) {
                c.reprise_setting_invalid_name(table, pattern_expected, name);
            }
            var settings = Settings{ .settings = table };
            const entry = Entry{ .pattern = facts.text(name), .value = T.read(&settings) };
            names.entries.append(allocator, entry) catch @trap();
        }

        /// What holds for `name`, in lower case as the host gives it.
        pub fn find(self: *const Self, name: []const u8) ?*const T {
            var found: ?*const T = null;
            var best: usize = 0;
            for (self.entries.items) |*entry| {
                const match = c.reprise_pattern_match(facts.string(entry.pattern), facts.string(name));
                // Of one pattern twice, in another case, the last holds.
                if (match > 0 and match >= best) {
                    best = match;
                    found = &entry.value;
                }
            }
            return found;
        }
    };
}
