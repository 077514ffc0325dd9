/// From C's facts to C++'s and back, and from a class to the callbacks that the SDK for C exports. Included by reprise.hpp.
#pragma once

namespace reprise {

inline std::optional<std::string_view> view(policy_option_string_t text) {
  return text.is_some ? std::optional(view(text.val)) : std::nullopt;
}

inline Bytes view(reprise_bytes bytes) { return {bytes.ptr, bytes.len}; }

inline Connection facts_of(const reprise_connection &c) {
  return {.server_name = view(c.server_name),
          .peer = view(c.peer),
          .listener = view(c.listener),
          .now = c.now,
          .early_data = c.early_data,
          .attributes = {c.attributes.ptr, c.attributes.len}};
}

inline Certificate facts_of(const reprise_certificate &c) {
  Certificate certificate = {.sha256 = view(c.sha256),
                             .spki_sha256 = view(c.spki_sha256),
                             .subject = view(c.subject),
                             .issuer = view(c.issuer),
                             .serial = view(c.serial),
                             .not_before = c.not_before,
                             .not_after = c.not_after,
                             .alternative_names = {},
                             .verified = c.verified};
  certificate.alternative_names.reserve(c.alternative_names.len);
  for (std::size_t i = 0; i < c.alternative_names.len; i++) {
    certificate.alternative_names.emplace_back(view(c.alternative_names.ptr[i].f0), view(c.alternative_names.ptr[i].f1));
  }
  return certificate;
}

inline Session facts_of(const reprise_session &s) {
  Session session = {.id = {s.id.ptr, s.id.len},
                     .version = s.version,
                     .cipher_suite = s.cipher_suite,
                     .server_name = view(s.server_name),
                     .alpn = view(s.alpn),
                     .authenticated = s.authenticated,
                     .expires = s.expires,
                     .resumptions = s.resumptions,
                     .peer_certificate = {},
                     .note = {},
                     .attributes = {s.attributes.ptr, s.attributes.len}};
  if (s.peer_certificate.is_some) session.peer_certificate = facts_of(s.peer_certificate.val);
  if (s.note.is_some) session.note = view(s.note.val);
  return session;
}

inline reprise_new_verdict lowered(const NewVerdict &terms) {
  if (!terms) return reprise_refuse();
  reprise_new_verdict verdict = reprise_keep();
  reprise_terms &keep = verdict.val.keep;
  if (terms->lifetime) keep.lifetime = {true, *terms->lifetime};
  if (terms->single_use) keep.single_use = {true, *terms->single_use};
  if (terms->reach) keep.reach = {true, static_cast<std::uint8_t>(*terms->reach)};
  if (terms->priority) keep.priority = {true, static_cast<std::uint8_t>(*terms->priority)};
  if (terms->note) reprise_attach(&verdict, terms->note->data(), terms->note->size());
  return verdict;
}

} // namespace reprise

/// Makes a module of a class that extends `reprise::Policy` and is made of `reprise::Settings &`. Once per policy.
#define REPRISE_EXPORT(Class)                                                                                          \
  static Class *reprise_instance = nullptr;                                                                            \
  static Class &reprise_policy() {                                                                                     \
    if (reprise_instance == nullptr) reprise_configure({nullptr, 0}, policy_configure);                                \
    return *reprise_instance;                                                                                          \
  }                                                                                                                    \
  extern "C" void policy_configure(reprise_settings *settings) {                                                       \
    reprise::Settings reader(settings);                                                                                \
    delete std::exchange(reprise_instance, new Class(reader));                                                         \
  }                                                                                                                    \
  extern "C" reprise_new_verdict policy_new_session(const reprise_connection *connection,                              \
                                                    const reprise_session *session) {                                  \
    return reprise::lowered(                                                                                           \
        reprise_policy().new_session(reprise::facts_of(*connection), reprise::facts_of(*session)));                    \
  }                                                                                                                    \
  extern "C" reprise_get_verdict policy_get_session(const reprise_connection *connection,                              \
                                                    const reprise_session *candidate) {                                \
    return static_cast<reprise_get_verdict>(                                                                           \
        reprise_policy().get_session(reprise::facts_of(*connection), reprise::facts_of(*candidate)));                  \
  }                                                                                                                    \
  extern "C" reprise_remove_verdict policy_remove_session(reprise_bytes id, const reprise_session *session,            \
                                                          reprise_removal why) {                                       \
    auto facts = session ? std::optional(reprise::facts_of(*session)) : std::nullopt;                                  \
    return static_cast<reprise_remove_verdict>(reprise_policy().remove_session(                                        \
        reprise::view(id), facts ? &*facts : nullptr, static_cast<reprise::Removal>(why)));                            \
  }
