#include "config/text_index.h"

#include <algorithm>

namespace framemill::config {

TextIndex::TextIndex(std::string_view text) {
  characters_.reserve(text.size() + 1);
  lines_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    characters_.push_back(static_cast<std::uint32_t>(i));
    if (text[i] == '\n') lines_.push_back(static_cast<std::uint32_t>(characters_.size()));
  }
  characters_.push_back(static_cast<std::uint32_t>(text.size()));
}

std::size_t TextIndex::offset(std::uint32_t line, std::uint32_t column) const {
  if (line == 0 || column == 0 || line > lines_.size()) return characters_.back();
  return characters_[std::min<std::size_t>(lines_[line - 1] + std::size_t{column} - 1, characters_.size() - 1)];
}

Position TextIndex::position(std::size_t offset) const {
  const auto character = std::upper_bound(characters_.begin(), characters_.end(), offset);
  const auto index =
      static_cast<std::uint32_t>(character - characters_.begin() - (character == characters_.begin() ? 0 : 1));
  const auto line = std::upper_bound(lines_.begin(), lines_.end(), index) - 1;
  return {static_cast<std::uint32_t>(line - lines_.begin() + 1), index - *line + 1};
}

}  // namespace framemill::config
