#include "base/text.h"

#include <algorithm>

#include "base/unicode.h"

namespace framemill::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// What ends a line (U+2028, U+2029) or changes the direction of what follows (Unicode's bidirectional controls): a
// terminal would show another text than the one that is there.
bool is_layout_control(std::string_view character) {
  for (const char* control :
       {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAA", "\xE2\x80\xAB",
        "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA7", "\xE2\x81\xA8", "\xE2\x81\xA9"})
    if (character == control) return true;
  return false;
}

// U+0000 to U+001F, U+007F to U+009F, and controls of lines and directions.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  if (first == 0xC2) return static_cast<unsigned char>(character[1]) < 0xA0;
  return (first == 0xD8 || first == 0xE2) && is_layout_control(character);
}

// Bytes of the terminal's control sequence at the start: ESC, "[", parameters, one letter. 0: none.
std::size_t control_sequence_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  for (std::size_t i = 2; i < text.size() && i < 32; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x40 && c <= 0x7e) return i + 1;
    if (c < 0x20 || c > 0x3f) return 0;
  }
  return 0;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto next = first_code_point(text);
  return next ? next->bytes : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string clean_text(std::string_view text, std::size_t bytes_max, Lines lines) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max));
  while (!text.empty()) {
    if (const std::size_t sequence = control_sequence_length(text); sequence > 0) {
      text.remove_prefix(sequence);
      continue;
    }
    const std::size_t length = utf8_length(text);
    std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
    std::size_t taken = std::max<std::size_t>(length, 1);
    if (lines == Lines::Keep && character == "\r") {
      if (text.starts_with("\r\n")) taken = 2;
      character = "\n";
    }
    const bool stays = lines == Lines::Keep && (character == "\n" || character == "\t");
    if (!stays && is_control(character)) character = " ";
    if (out.size() + character.size() > bytes_max) break;
    out += character;
    text.remove_prefix(taken);
  }
  return out;
}

std::string clean_tail(std::string_view text, std::size_t bytes_max, Lines lines) {
  const std::string_view end = last_bytes(text, bytes_max);
  return std::string(last_bytes(clean_text(end, 3 * end.size(), lines), bytes_max));  // a bad byte becomes three
}

std::string_view first_bytes(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  for (int back = 0; back < 3 && end > 0 && is_continuation(text[end]); ++back) --end;
  if (is_continuation(text[end])) end = bytes_max;  // no character to be kept whole
  return text.substr(0, end);
}

std::string_view last_bytes(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t begin = text.size() - bytes_max;
  for (int on = 0; on < 3 && begin < text.size() && is_continuation(text[begin]); ++on) ++begin;
  return text.substr(begin);
}

}  // namespace framemill::base
