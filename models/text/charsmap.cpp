#include "models/text/charsmap.h"

#include <fmt/format.h>

namespace framemill::models {
namespace {

// A unit of the trie: label in the low byte, bit 8 "a key ends here", bits 9 to 31 where its children are.
bool ends_key(std::uint32_t unit) {
  return (unit >> 8 & 1u) != 0;
}
std::uint32_t label_of(std::uint32_t unit) {
  return unit & 0x800000FFu;
}
std::uint32_t children_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200u) >> 6);
}
// A unit that holds the place of a replacement, behind one where a key ends.
std::uint32_t value_of(std::uint32_t unit) {
  return unit & 0x7FFFFFFFu;
}

std::uint32_t little_endian_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

base::Error bad_charsmap(std::string message) {
  return {"model.tokenizer", "normalisation rules: " + std::move(message), "", ""};
}

}  // namespace

base::Result<Charsmap> Charsmap::make(std::string_view blob) {
  Charsmap made;
  if (blob.empty()) return made;
  if (blob.size() > kCharsmapBytesMax)
    return bad_charsmap(fmt::format("{} bytes; the limit is {}", blob.size(), kCharsmapBytesMax));
  if (blob.size() < 8) return bad_charsmap("cut short");
  const std::size_t trie_bytes = little_endian_u32(blob, 0);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes >= blob.size() - 4)
    return bad_charsmap(fmt::format("a trie of {} bytes in {} bytes", trie_bytes, blob.size()));
  for (std::size_t at = 4; at < 4 + trie_bytes; at += 4) made.units_.push_back(little_endian_u32(blob, at));
  made.replacements_ = blob.substr(4 + trie_bytes);
  if (made.replacements_.back() != '\0') return bad_charsmap("the last replacement has no end");
  return made;
}

std::optional<Charsmap::Match> Charsmap::find(std::string_view text, bool shortest) const {
  std::optional<Match> found;
  if (units_.empty()) return found;
  std::size_t node = children_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint32_t byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const bool ends = ends_key(units_[node]);
    node ^= children_of(units_[node]);
    if (!ends) continue;
    if (node >= units_.size()) break;
    const std::size_t place = value_of(units_[node]);
    if (place >= replacements_.size()) break;
    found = {i + 1, std::string_view(replacements_.c_str() + place)};
    if (shortest) break;
  }
  return found;
}

}  // namespace framemill::models
