//! Which client certificates a server name's tenant owns.

const std = @import("std");
const reprise = @import("reprise");

/// What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match.
pub const Tenant = struct {
    issuers: []const []const u8,
    subject_suffixes: []const []const u8,
    uri_prefixes: []const []const u8,

    /// Reads `[settings.tenant."NAME"]`.
    pub fn read(settings: *reprise.Settings) Tenant {
        const tenant = Tenant{
            .issuers = settings.all("issuer"),
            .subject_suffixes = settings.all("subject-suffix"),
            .uri_prefixes = settings.all("uri-prefix"),
        };
        for (tenant.uri_prefixes) |prefix| {
            // spiffe://a.example would let spiffe://a.example.evil in.
            if (!std.mem.endsWith(u8, prefix, "/")) settings.invalid("uri-prefix", "a prefix that ends in `/`", prefix);
        }
        for (tenant.subject_suffixes) |suffix| {
            if (suffix.len == 0) settings.invalid("subject-suffix", "the end of a name such as O=Example", null);
        }
        return tenant;
    }

    /// Whether `certificate` is one of the tenant's.
    pub fn owns(self: *const Tenant, certificate: reprise.Certificate) bool {
        var issuer = self.issuers.len == 0;
        for (self.issuers) |wanted| issuer = issuer or std.mem.eql(u8, certificate.issuer, wanted);
        var subject = self.subject_suffixes.len == 0;
        for (self.subject_suffixes) |suffix| subject = subject or endsInNames(certificate.subject, suffix);
        var uri = self.uri_prefixes.len == 0;
        for (self.uri_prefixes) |prefix| uri = uri or certificate.hasName("uri", prefix);
        return issuer and subject and uri;
    }
};

/// Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which RFC
/// 2253 writes `\,`, is no such place.
pub fn endsInNames(subject: []const u8, suffix: []const u8) bool {
    if (!std.mem.endsWith(u8, subject, suffix)) return false;
    const rest = subject[0 .. subject.len - suffix.len];
    if (!std.mem.endsWith(u8, rest, ",")) return rest.len == 0;
    const before_comma = rest[0 .. rest.len - 1];
    var backslashes: usize = 0;
    while (backslashes < before_comma.len and before_comma[before_comma.len - 1 - backslashes] == '\\') backslashes += 1;
    return backslashes % 2 == 0;
}
