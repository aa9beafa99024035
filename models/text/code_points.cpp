#include "models/text/code_points.h"

#include "base/unicode.h"

namespace framemill::models {

std::u32string code_points_of(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    out += next ? next->value : U'\uFFFD';
    text.remove_prefix(next ? next->bytes : 1);
  }
  return out;
}

std::string utf8_of(std::u32string_view code_points) {
  std::string out;
  out.reserve(code_points.size());
  const auto continuation = [&](char32_t bits) { out += static_cast<char>(0x80 | (bits & 0x3F)); };
  for (char32_t c : code_points) {
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = U'\uFFFD';
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6));
      continuation(c);
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12));
      continuation(c >> 6);
      continuation(c);
    } else {
      out += static_cast<char>(0xF0 | (c >> 18));
      continuation(c >> 12);
      continuation(c >> 6);
      continuation(c);
    }
  }
  return out;
}

}  // namespace framemill::models
