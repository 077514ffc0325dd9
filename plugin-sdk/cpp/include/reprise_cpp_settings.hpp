/// Settings, server names and networks, over the SDK for C. Included by reprise.hpp.
#pragma once

namespace reprise {

/// The [settings] table of NAME.toml, read key by key. The first error counts; a key that nobody read is an error too. Texts stay
/// valid for the instance's life.
class Settings {
public:
  explicit Settings(reprise_settings *settings) : settings_(settings) {}

  /// true or false; false if it is not set.
  bool flag(const char *key) { return reprise_setting_flag(settings_, key, false); }

  /// A whole number from `least` (not below 0) to `most`; none if it is not set.
  std::optional<int> number(const char *key, int least, int most) {
    long number = reprise_setting_number(settings_, key, least, most, -1);
    return number < 0 ? std::nullopt : std::optional(static_cast<int>(number));
  }

  /// Every value of `key`, in the order of the file.
  std::vector<std::string_view> all(const char *key) { return views(reprise_setting_all(settings_, key)); }

  /// Every value of `key`, each a server name and no pattern, as the host spells it.
  std::vector<std::string_view> server_names(const char *key) {
    return views(reprise_setting_server_names(settings_, key));
  }

  /// Has `read` read each table under `key`, whose keys are names of the user's choice; they may have dots.
  template <typename Read> void tables(const char *key, Read read) {
    auto each = [](void *context, reprise_string name, reprise_settings *table) {
      Settings settings(table);
      (*static_cast<Read *>(context))(view(name), settings);
    };
    reprise_setting_tables(settings_, key, each, &read);
  }

  /// An error about `key`, for what a policy checks beyond types; none was found where nothing was.
  void invalid(const char *key, const char *expected, std::optional<std::string_view> found) {
    reprise_string text = c_string(found.value_or(""));
    reprise_setting_invalid(settings_, key, expected, found ? &text : nullptr);
  }

  /// An error about the table's own name.
  void invalid_name(const char *expected, std::string_view found) {
    reprise_setting_invalid_name(settings_, expected, c_string(found));
  }

private:
  static std::vector<std::string_view> views(reprise_strings values) {
    std::vector<std::string_view> views;
    for (std::size_t i = 0; i < values.len; i++) views.push_back(view(values.ptr[i]));
    return views;
  }

  reprise_settings *settings_;
};

/// Something for each of several server names or patterns such as `*.example`. The most specific pattern holds.
template <typename T> class ServerNames {
public:
  /// Reads `[settings.KEY."NAME"]`, each of them, with `T(Settings &)`.
  ServerNames(Settings &settings, const char *key) {
    settings.tables(key, [this](std::string_view name, Settings &table) {
      if (!reprise_is_pattern(c_string(name))) table.invalid_name(REPRISE_PATTERN_EXPECTED, name);
      names_.emplace_back(name, T(table));
    });
  }

  /// What holds for `name`, in lower case as the host gives it; null if no pattern matches.
  const T *find(std::string_view name) const {
    const T *found = nullptr;
    std::size_t best = 0;
    for (const auto &[pattern, value] : names_) {
      std::size_t match = reprise_pattern_match(c_string(pattern), c_string(name));
      // Of one pattern twice, in another case, the last holds.
      if (match > 0 && match >= best) {
        best = match;
        found = &value;
      }
    }
    return found;
  }

private:
  std::vector<std::pair<std::string_view, T>> names_;
};

/// An IP network: an address whose bits beyond the prefix are zero.
struct Network {
  std::uint8_t prefix;
  std::vector<std::uint8_t> address;

  bool operator==(const Network &) const = default;

  /// The network of the address in a text, by its family's prefix. The outer none: no address; the inner: no prefix for it.
  static std::optional<std::optional<Network>> of(std::string_view text, std::optional<int> ipv4, std::optional<int> ipv6) {
    reprise_address address;
    if (!reprise_address_read(c_string(text), &address)) return std::nullopt;
    std::optional<int> prefix = address.length == 4 ? ipv4 : ipv6;
    if (!prefix) return std::optional<Network>();
    return std::optional(masked(address, static_cast<std::uint8_t>(*prefix)));
  }

  /// None for what is not a prefix and an address whose bits beyond it are zero.
  static std::optional<Network> from_bytes(Bytes bytes) {
    reprise_address address = {};
    address.length = bytes.empty() ? 0 : bytes.size() - 1;
    if ((address.length != 4 && address.length != 16) || bytes[0] > 8 * address.length) return std::nullopt;
    std::memcpy(address.bytes, bytes.data() + 1, address.length);
    Network network = masked(address, bytes[0]);
    bool same = std::memcmp(network.address.data(), address.bytes, address.length) == 0;
    return same ? std::optional(network) : std::nullopt;
  }

private:
  static Network masked(reprise_address address, std::uint8_t prefix) {
    address = reprise_network_of(address, prefix);
    return {prefix, std::vector<std::uint8_t>(address.bytes, address.bytes + address.length)};
  }
};

} // namespace reprise
