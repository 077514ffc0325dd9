/// Which client certificates a server name's tenant owns.
#ifndef TENANT_H
#define TENANT_H

#include "reprise_settings.h"

/// What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match.
typedef struct {
  /// The server name, or a pattern of it.
  reprise_string pattern;
  reprise_strings issuers, subject_suffixes, uri_prefixes;
} tenant;

typedef struct {
  tenant *ptr;
  size_t len;
} tenants;

/// Reads `[settings.tenant."NAME"]`, each of them.
tenants tenants_read(reprise_settings *settings);

/// The tenant of `name`, by the most specific pattern; NULL if there is none.
const tenant *tenants_find(const tenants *tenants, reprise_string name);

/// Whether `certificate` is one of the tenant's.
bool tenant_owns(const tenant *tenant, const reprise_certificate *certificate);

#endif
