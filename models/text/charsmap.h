// The precompiled rules by which a tokeniser's file normalises text: pairs of a key and what replaces it, the keys in a
// double-array trie (Aoe 1989; the layout is that of darts-clone), as SentencePiece writes them into its files and
// tokenizer.json has them in base64. Immutable, pure. Bytes of strangers: every access is checked, and a trie that leads
// out of itself or in circles finds nothing.
//
//   u32 size of the trie in bytes | units of u32, little-endian | replacements, each ended by a zero byte
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

inline constexpr std::size_t kCharsmapBytesMax = 16 * 1024 * 1024;

class Charsmap {
 public:
  struct Match {
    std::size_t bytes = 0;  // of the key
    std::string_view replacement;
  };

  Charsmap() = default;  // without rules
  // Errors: model.tokenizer (too large, cut short, sizes that do not fit).
  static base::Result<Charsmap> make(std::string_view blob);

  bool empty() const { return units_.empty(); }
  // The rule with the longest, or the shortest, key that the text begins with.
  std::optional<Match> longest(std::string_view text) const { return find(text, false); }
  std::optional<Match> shortest(std::string_view text) const { return find(text, true); }

 private:
  std::optional<Match> find(std::string_view text, bool shortest) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;  // ends with a zero byte
};

}  // namespace framemill::models
