//! The SDK for C, as Zig declares it: `reprise.h` and what it includes of the generated `policy.h`. By hand, since having zig
//! translate the headers takes longer than everything else.

pub const reprise_string = extern struct { ptr: [*c]u8, len: usize };
pub const reprise_bytes = extern struct { ptr: [*c]u8, len: usize };
pub const reprise_strings = extern struct { ptr: [*c]reprise_string, len: usize };
pub const policy_option_string_t = extern struct { is_some: bool, val: reprise_string };
pub const policy_tuple2_string_string_t = extern struct { f0: reprise_string, f1: reprise_string };
pub const pairs = extern struct { ptr: [*c]policy_tuple2_string_string_t, len: usize };

fn Option(comptime T: type) type {
    return extern struct { is_some: bool, val: T };
}

pub const reprise_connection = extern struct {
    server_name: policy_option_string_t,
    peer: policy_option_string_t,
    listener: reprise_string,
    now: u64,
    early_data: bool,
    attributes: pairs,
};

pub const reprise_certificate = extern struct {
    sha256: reprise_bytes,
    spki_sha256: reprise_bytes,
    subject: reprise_string,
    issuer: reprise_string,
    serial: reprise_bytes,
    not_before: u64,
    not_after: u64,
    alternative_names: pairs,
    verified: bool,
};

pub const reprise_session = extern struct {
    id: reprise_bytes,
    version: u8,
    cipher_suite: u16,
    server_name: policy_option_string_t,
    alpn: policy_option_string_t,
    authenticated: u64,
    expires: u64,
    resumptions: u32,
    peer_certificate: Option(reprise_certificate),
    note: Option(reprise_bytes),
    attributes: pairs,
};

pub const reprise_new_verdict = extern struct {
    tag: u8,
    val: extern union {
        keep: extern struct {
            lifetime: Option(u32),
            single_use: Option(bool),
            reach: Option(u8),
            priority: Option(u8),
            note: Option(reprise_bytes),
            attributes: pairs,
        },
    },
};
pub const reprise_get_verdict = u8;
pub const reprise_remove_verdict = u8;
pub const reprise_removal = u8;

pub extern fn reprise_keep() reprise_new_verdict;
pub extern fn reprise_refuse() reprise_new_verdict;
pub extern fn reprise_attach(verdict: *reprise_new_verdict, note: [*]const u8, length: usize) void;
pub extern fn reprise_count(name: [*:0]const u8) void;
pub extern fn reprise_warn(message: [*:0]const u8) void;

pub const reprise_settings = opaque {};
pub const Configure = fn (?*reprise_settings) callconv(.c) void;
pub const ReadTable = fn (?*anyopaque, reprise_string, ?*reprise_settings) callconv(.c) void;

pub extern fn reprise_configure(settings: pairs, configure: *const Configure) ?[*:0]u8;
pub extern fn reprise_setting_flag(settings: ?*reprise_settings, key: [*:0]const u8, otherwise: bool) bool;
pub extern fn reprise_setting_number(
    settings: ?*reprise_settings,
    key: [*:0]const u8,
    least: c_long,
    most: c_long,
    otherwise: c_long,
) c_long;
pub extern fn reprise_setting_all(settings: ?*reprise_settings, key: [*:0]const u8) reprise_strings;
pub extern fn reprise_setting_tables(
    settings: ?*reprise_settings,
    key: [*:0]const u8,
    read: *const ReadTable,
    context: ?*anyopaque,
) void;
pub extern fn reprise_setting_invalid(
    settings: ?*reprise_settings,
    key: [*:0]const u8,
    expected: [*:0]const u8,
    found: ?*const reprise_string,
) void;
pub extern fn reprise_setting_invalid_name(
    table: ?*reprise_settings,
    expected: [*:0]const u8,
    found: reprise_string,
) void;

pub const reprise_address = extern struct { length: usize, bytes: [16]u8 };
pub extern fn reprise_address_read(text: reprise_string, address: *reprise_address) bool;
pub extern fn reprise_network_of(address: reprise_address, prefix: c_uint) reprise_address;

pub extern fn reprise_setting_server_names(settings: ?*reprise_settings, key: [*:0]const u8) reprise_strings;
pub extern fn reprise_is_pattern(text: reprise_string) bool;
pub extern fn reprise_pattern_match(pattern: reprise_string, name: reprise_string) usize;
