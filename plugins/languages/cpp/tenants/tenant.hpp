/// Which client certificates a server name's tenant owns.
#pragma once

#include "reprise.hpp"

/// What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match.
class Tenant {
public:
  /// Reads `[settings.tenant."NAME"]`.
  explicit Tenant(reprise::Settings &settings);

  /// Whether `certificate` is one of the tenant's.
  bool owns(const reprise::Certificate &certificate) const;

private:
  std::vector<std::string_view> issuers_, subject_suffixes_, uri_prefixes_;
};
