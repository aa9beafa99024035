#include "config/encoding.h"

#include <fmt/format.h>

#include "base/unicode.h"
#include "config/text_index.h"

namespace framemill::config {
namespace {

Finding bad_encoding(std::string message, Position at) {
  return {"bad_utf8", at.line, at.column, "", std::move(message), "UTF-8", ""};
}

// UTF-16 and UTF-32 of texts that begin with ASCII: a byte order mark, or zeros in between.
std::optional<std::string_view> wide_encoding(std::string_view text) {
  using namespace std::string_view_literals;
  if (text.starts_with("\xff\xfe\0\0"sv) || text.starts_with("\0\0\xfe\xff"sv)) return "UTF-32";
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return "UTF-16";
  if (text.size() < 4) return std::nullopt;
  const bool little = text[0] != '\0' && text[1] == '\0', big = text[0] == '\0' && text[1] != '\0';
  if (little && text[2] == '\0' && text[3] == '\0') return "UTF-32";
  if ((little && text[3] == '\0') || (big && text[2] == '\0')) return "UTF-16";
  return std::nullopt;
}

}  // namespace

std::string_view without_bom(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

std::optional<Finding> encoding_error(std::string_view text) {
  if (const auto wide = wide_encoding(text))
    return bad_encoding(fmt::format("this file is {}; save it as UTF-8", *wide), {1, 1});
  if (text.find('\0') != std::string_view::npos)
    return bad_encoding("this file is not a text: it holds bytes of value 0",
                        TextIndex(text).position(text.find('\0')));
  for (std::size_t at = 0; at < text.size();) {
    const auto next = base::first_code_point(text.substr(at));
    if (next) {
      at += next->bytes;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    // In Latin-1 and Windows-1252 these are letters and marks; what they share is shown as such.
    std::string letter;
    if (byte >= 0xA0)
      letter = fmt::format(" (\"{}{}\" in Latin-1)", static_cast<char>(0xC0 | (byte >> 6)),
                           static_cast<char>(0x80 | (byte & 0x3F)));
    const Position place = TextIndex(text).position(at);
    return bad_encoding(fmt::format("line {} holds the byte 0x{:02X}{}, which is not UTF-8: this file looks like "
                                    "Latin-1 or Windows-1252; save it as UTF-8",
                                    *place.line, byte, letter),
                        place);
  }
  return std::nullopt;
}

}  // namespace framemill::config
