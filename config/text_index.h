// Places in a text: lines and columns from 1, columns in characters, to offsets in bytes and back. Private to this
// room; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/finding.h"

namespace framemill::config {

class TextIndex {
 public:
  explicit TextIndex(std::string_view text);                           // kept by reference
  std::size_t offset(std::uint32_t line, std::uint32_t column) const;  // the end of the text for a place beyond it
  Position position(std::size_t offset) const;

 private:
  std::vector<std::uint32_t> characters_;  // offset of each character, and of the end
  std::vector<std::uint32_t> lines_;       // index of each line's first character
};

}  // namespace framemill::config
