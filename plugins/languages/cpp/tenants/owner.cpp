#include "owner.hpp"

using namespace reprise;

/// The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread.
static constexpr std::uint8_t format = 1;

std::vector<std::uint8_t> Owner::to_note() const {
  std::vector<std::uint8_t> note = {format, certificate.has_value()};
  if (certificate) note.insert(note.end(), certificate->begin(), certificate->end());
  if (network) {
    note.push_back(network->prefix);
    note.insert(note.end(), network->address.begin(), network->address.end());
  }
  return note;
}

std::optional<Owner> Owner::of_note(Bytes note) {
  if (note.size() < 2 || note[0] != format || note[1] > 1) return std::nullopt;
  Owner owner;
  Bytes rest = note.subspan(2);
  if (note[1] == 1) {
    if (rest.size() < certificate_size) return std::nullopt;
    owner.certificate.emplace(rest.begin(), rest.begin() + certificate_size);
    rest = rest.subspan(certificate_size);
  }
  if (rest.empty()) return owner;
  owner.network = Network::from_bytes(rest);
  return owner.network ? std::optional(owner) : std::nullopt;
}
