#include "tenant.h"

#include <stdlib.h>

#include "reprise_server_name.h"

static void read_tenant(void *context, reprise_string name, reprise_settings *table) {
  tenants *all = context;
  if (!reprise_is_pattern(name)) reprise_setting_invalid_name(table, REPRISE_PATTERN_EXPECTED, name);
  tenant tenant = {.pattern = name};
  tenant.uri_prefixes = reprise_setting_all(table, "uri-prefix");
  for (size_t i = 0; i < tenant.uri_prefixes.len; i++) {
    // spiffe://a.example would let spiffe://a.example.evil in.
    if (!reprise_ends_with(tenant.uri_prefixes.ptr[i], REPRISE_TEXT("/"))) {
      reprise_setting_invalid(table, "uri-prefix", "a prefix that ends in `/`", &tenant.uri_prefixes.ptr[i]);
    }
  }
  tenant.subject_suffixes = reprise_setting_all(table, "subject-suffix");
  for (size_t i = 0; i < tenant.subject_suffixes.len; i++) {
    if (tenant.subject_suffixes.ptr[i].len == 0) {
      reprise_setting_invalid(table, "subject-suffix", "the end of a name such as O=Example", NULL);
    }
  }
  tenant.issuers = reprise_setting_all(table, "issuer");
  all->ptr = realloc(all->ptr, (all->len + 1) * sizeof *all->ptr);
  if (all->ptr == NULL) abort();
  all->ptr[all->len++] = tenant;
}

tenants tenants_read(reprise_settings *settings) {
  tenants all = {0};
  reprise_setting_tables(settings, "tenant", read_tenant, &all);
  return all;
}

const tenant *tenants_find(const tenants *tenants, reprise_string name) {
  const tenant *found = NULL;
  size_t best = 0;
  for (size_t i = 0; i < tenants->len; i++) {
    size_t match = reprise_pattern_match(tenants->ptr[i].pattern, name);
    // Of one pattern twice, in another case, the last holds.
    if (match > 0 && match >= best) {
      best = match;
      found = &tenants->ptr[i];
    }
  }
  return found;
}

/// Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which RFC
/// 2253 writes `\,`, is no such place.
static bool ends_in_names(reprise_string subject, reprise_string suffix) {
  if (!reprise_ends_with(subject, suffix)) return false;
  size_t rest = subject.len - suffix.len;
  if (rest == 0) return true;
  if (subject.ptr[--rest] != ',') return false;
  size_t backslashes = 0;
  while (backslashes < rest && subject.ptr[rest - 1 - backslashes] == '\\') backslashes++;
  return backslashes % 2 == 0;
}

static bool has_uri(const reprise_certificate *certificate, reprise_string prefix) {
  for (size_t i = 0; i < certificate->alternative_names.len; i++) {
    policy_tuple2_string_string_t name = certificate->alternative_names.ptr[i];
    if (reprise_same(name.f0, REPRISE_TEXT("uri")) && reprise_starts_with(name.f1, prefix)) return true;
  }
  return false;
}

bool tenant_owns(const tenant *tenant, const reprise_certificate *certificate) {
  bool issuer = tenant->issuers.len == 0, subject = tenant->subject_suffixes.len == 0, uri = tenant->uri_prefixes.len == 0;
  for (size_t i = 0; i < tenant->issuers.len; i++) {
    issuer |= reprise_same(certificate->issuer, tenant->issuers.ptr[i]);
  }
  for (size_t i = 0; i < tenant->subject_suffixes.len; i++) {
    subject |= ends_in_names(certificate->subject, tenant->subject_suffixes.ptr[i]);
  }
  for (size_t i = 0; i < tenant->uri_prefixes.len; i++) uri |= has_uri(certificate, tenant->uri_prefixes.ptr[i]);
  return issuer && subject && uri;
}
