#include "models/text/clean_prompt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/unicode.h"
#include "models/text/code_points.h"
#include "models/text/html_entities.h"
#include "models/text/mojibake.h"

namespace framemill::models {
namespace {

constexpr int kMendRoundsMax = 8;

// Of letters that stand for two for the sake of old encodings or of print.
constexpr auto kLigatures = std::to_array<std::pair<char32_t, std::u32string_view>>({
    {0x0132, U"IJ"},  {0x0133, U"ij"},  {0x0149, U"\u02BCn"}, {0x01C4, U"DŽ"}, {0x01C5, U"Dž"}, {0x01C6, U"dž"},
    {0x01C7, U"LJ"},  {0x01C8, U"Lj"},  {0x01C9, U"lj"},      {0x01CA, U"NJ"}, {0x01CB, U"Nj"}, {0x01CC, U"nj"},
    {0x01F1, U"DZ"},  {0x01F2, U"Dz"},  {0x01F3, U"dz"},      {0xFB00, U"ff"}, {0xFB01, U"fi"}, {0xFB02, U"fl"},
    {0xFB03, U"ffi"}, {0xFB04, U"ffl"}, {0xFB05, U"\u017Ft"}, {0xFB06, U"st"},
});

bool is_dropped(char32_t c) {
  return c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

void append_straightened(char32_t c, std::u32string& out) {
  const auto ligature = std::find_if(kLigatures.begin(), kLigatures.end(), [c](const auto& l) { return l.first == c; });
  if (ligature != kLigatures.end()) {
    out += ligature->second;
  } else if (c == 0x3000) {
    out += U' ';
  } else if (c >= 0xFF01 && c <= 0xFFEF) {
    out += code_points_of(base::compatible(utf8_of(std::u32string(1, c))));
  } else if (c >= 0x201C && c <= 0x201F) {
    out += U'"';
  } else if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) {
    out += U'\'';
  } else if (c == U'\r' || c == 0x2028 || c == 0x2029 || c == 0x85) {
    out += U'\n';
  } else {
    out += c;
  }
}

// Characters of "ESC [ 1 ; 31 m" at a place; 0: there is none.
std::size_t terminal_escape(std::u32string_view text) {
  if (!text.starts_with(U"\x1B[")) return 0;
  std::size_t end = 2;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == ';')) ++end;
  const bool letter =
      end < text.size() && ((text[end] >= 'a' && text[end] <= 'z') || (text[end] >= 'A' && text[end] <= 'Z'));
  return letter ? end + 1 : 0;
}

std::u32string without_controls(std::u32string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t escape = terminal_escape(text.substr(i));
    if (escape == 0 && !is_dropped(text[i])) out += text[i];
    i += std::max<std::size_t>(escape, 1);
  }
  return out;
}

std::string mended_line(std::string line) {
  const bool may_have_tags = line.find('<') != std::string::npos;
  for (int round = 0; round < kMendRoundsMax; ++round) {
    const std::u32string decoded =
        mend_c1_controls(mend_encoding(code_points_of(may_have_tags ? line : unescape_certain_html(line))));
    std::u32string straight;
    for (const char32_t c : decoded) append_straightened(c, straight);
    std::string mended = base::composed(utf8_of(without_controls(straight)));
    if (mended == line) break;
    line = std::move(mended);
  }
  return line;
}

std::string mended_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out += mended_line(std::string(text.substr(0, end)));
    text.remove_prefix(end);
  }
  return out;
}

// What Python's \s matches.
bool is_blank_character(char32_t c) {
  return base::is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string with_single_blanks(std::string_view text) {
  std::u32string out;
  bool blank = false;
  for (const char32_t c : code_points_of(text)) {
    if (is_blank_character(c)) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += U' ';
    blank = false;
    out += c;
  }
  return utf8_of(out);
}

}  // namespace

std::string clean_prompt(std::string_view prompt) {
  return with_single_blanks(unescape_html(unescape_html(mended_lines(base::valid_utf8(prompt)))));
}

}  // namespace framemill::models
