// Letters of ASCII, where a standard allows no others: header names, media types, endings of file names. Words of people
// are folded by base/unicode.h. Pure.
#pragma once

#include <string>
#include <string_view>

namespace framemill::base {

// The text with A to Z as a to z; other bytes stay.
inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace framemill::base
