// Policy: a session belongs to the client certificate, and by setting to the network, that made it.
//
// The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.

#include "owner.h"
#include "reprise_server_name.h"
#include "tenant.h"

/// The settings. An instance is configured once, and then only read.
static struct {
  bool require_certificate;
  network_prefixes prefixes;
  tenants tenants;
} policy;

void policy_configure(reprise_settings *settings) {
  policy.require_certificate = reprise_setting_flag(settings, "require-certificate", false);
  policy.prefixes.ipv4 = (int)reprise_setting_number(settings, "ipv4-prefix", 0, 32, NOT_BOUND);
  policy.prefixes.ipv6 = (int)reprise_setting_number(settings, "ipv6-prefix", 0, 128, NOT_BOUND);
  policy.tenants = tenants_read(settings);
}

/// To whom `session` would belong on `connection`, by the settings of today. NULL, or why it is not kept or not resumed: the
/// name of the counter that tells.
static const char *find_owner(const reprise_connection *connection, const reprise_session *session, owner *owner) {
  const reprise_string *name = connection->server_name.is_some ? &connection->server_name.val : NULL;
  const tenant *tenant = name ? tenants_find(&policy.tenants, *name) : NULL;
  *owner = (struct owner){0};
  if (session->peer_certificate.is_some) {
    const reprise_certificate *certificate = &session->peer_certificate.val;
    if (!certificate->verified) return "unverified";
    if (connection->now < certificate->not_before || connection->now > certificate->not_after) return "not_valid_now";
    if (tenant && !tenant_owns(tenant, certificate)) return "not_of_tenant";
    if (certificate->sha256.len != sizeof owner->certificate) return "unverified";
    owner->has_certificate = true;
    memcpy(owner->certificate, certificate->sha256.ptr, sizeof owner->certificate);
  } else if (policy.require_certificate || tenant) {
    return "no_certificate";
  }
  return owner_find_network(owner, policy.prefixes, connection) ? NULL : "no_peer";
}

reprise_new_verdict policy_new_session(const reprise_connection *connection, const reprise_session *session) {
  owner owner;
  const char *objection = find_owner(connection, session, &owner);
  if (objection) {
    reprise_count(objection);
    return reprise_refuse();
  }
  uint8_t note[MAX_NOTE];
  reprise_new_verdict verdict = reprise_keep();
  reprise_attach(&verdict, note, owner_write(&owner, note));
  return verdict;
}

reprise_get_verdict policy_get_session(const reprise_connection *connection, const reprise_session *candidate) {
  owner wanted, noted;
  const char *objection = find_owner(connection, candidate, &wanted);
  if (!objection && !(candidate->note.is_some && owner_read(candidate->note.val, &noted))) objection = "no_owner";
  if (!objection && !owner_same(&wanted, &noted)) objection = "other_owner";
  if (!objection) return REPRISE_RESUME;
  reprise_count(objection);
  return REPRISE_FULL_HANDSHAKE;
}
