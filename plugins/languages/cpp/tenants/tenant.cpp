#include "tenant.hpp"

#include <algorithm>

using namespace reprise;

Tenant::Tenant(Settings &settings)
    : issuers_(settings.all("issuer")), subject_suffixes_(settings.all("subject-suffix")),
      uri_prefixes_(settings.all("uri-prefix")) {
  for (std::string_view prefix : uri_prefixes_) {
    // spiffe://a.example would let spiffe://a.example.evil in.
    if (!prefix.ends_with('/')) settings.invalid("uri-prefix", "a prefix that ends in `/`", prefix);
  }
  for (std::string_view suffix : subject_suffixes_) {
    if (suffix.empty()) settings.invalid("subject-suffix", "the end of a name such as O=Example", std::nullopt);
  }
}

/// Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which RFC
/// 2253 writes `\,`, is no such place.
static bool ends_in_names(std::string_view subject, std::string_view suffix) {
  if (!subject.ends_with(suffix)) return false;
  std::string_view rest = subject.substr(0, subject.size() - suffix.size());
  if (!rest.ends_with(',')) return rest.empty();
  rest.remove_suffix(1);
  std::size_t last = rest.find_last_not_of('\\');
  return (rest.size() - (last == rest.npos ? 0 : last + 1)) % 2 == 0;
}

bool Tenant::owns(const Certificate &certificate) const {
  auto any = [](const std::vector<std::string_view> &values, auto matches) {
    return values.empty() || std::any_of(values.begin(), values.end(), matches);
  };
  auto has_uri = [&](std::string_view prefix) {
    const auto &names = certificate.alternative_names;
    return std::any_of(names.begin(), names.end(),
                       [&](const auto &name) { return name.first == "uri" && name.second.starts_with(prefix); });
  };
  return any(issuers_, [&](std::string_view issuer) { return certificate.issuer == issuer; }) &&
         any(subject_suffixes_, [&](std::string_view suffix) { return ends_in_names(certificate.subject, suffix); }) &&
         any(uri_prefixes_, has_uri);
}
