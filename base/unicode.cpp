#include "base/unicode.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace framemill::base {
namespace {

// The invisible and easily mistaken characters that pasted text brings, by their Unicode names.
constexpr auto kCodePointNames = std::to_array<std::pair<char32_t, std::string_view>>({
    {0x00A0, "no-break space"},
    {0x00AD, "soft hyphen"},
    {0x034F, "combining grapheme joiner"},
    {0x061C, "Arabic letter mark"},
    {0x115F, "Hangul choseong filler"},
    {0x1160, "Hangul jungseong filler"},
    {0x180E, "Mongolian vowel separator"},
    {0x2002, "en space"},
    {0x2003, "em space"},
    {0x2007, "figure space"},
    {0x2009, "thin space"},
    {0x200A, "hair space"},
    {0x200B, "zero width space"},
    {0x200C, "zero width non-joiner"},
    {0x200D, "zero width joiner"},
    {0x200E, "left-to-right mark"},
    {0x200F, "right-to-left mark"},
    {0x2010, "hyphen"},
    {0x2011, "non-breaking hyphen"},
    {0x2013, "en dash"},
    {0x2014, "em dash"},
    {0x2018, "left single quotation mark"},
    {0x2019, "right single quotation mark"},
    {0x201C, "left double quotation mark"},
    {0x201D, "right double quotation mark"},
    {0x2026, "horizontal ellipsis"},
    {0x2028, "line separator"},
    {0x2029, "paragraph separator"},
    {0x202A, "left-to-right embedding"},
    {0x202B, "right-to-left embedding"},
    {0x202C, "pop directional formatting"},
    {0x202D, "left-to-right override"},
    {0x202E, "right-to-left override"},
    {0x202F, "narrow no-break space"},
    {0x2060, "word joiner"},
    {0x2066, "left-to-right isolate"},
    {0x2067, "right-to-left isolate"},
    {0x2068, "first strong isolate"},
    {0x2069, "pop directional isolate"},
    {0x2212, "minus sign"},
    {0x2800, "Braille pattern blank"},
    {0x3000, "ideographic space"},
    {0x3164, "Hangul filler"},
    {0xFE0F, "variation selector-16"},
    {0xFEFF, "byte order mark"},
    {0xFFA0, "halfwidth Hangul filler"},
});

const utf8proc_property_t& property_of(char32_t code_point) {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point));
}

bool is_hidden_by_itself(char32_t code_point) {
  return code_point == 0x2800 || (code_point >= 0xFFF9 && code_point <= 0xFFFB) || property_of(code_point).ignorable;
}

bool is_joiner(char32_t code_point) {
  return code_point == 0x200C || code_point == 0x200D;
}
bool is_variation_selector(char32_t code_point) {
  return (code_point >= 0xFE00 && code_point <= 0xFE0F) || (code_point >= 0xE0100 && code_point <= 0xE01EF) ||
         (code_point >= 0x180B && code_point <= 0x180D);
}

}  // namespace

std::optional<CodePoint> first_code_point(std::string_view text) {
  if (text.empty()) return std::nullopt;
  utf8proc_int32_t value = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t used = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &value);
  if (used <= 0 || value < 0) return std::nullopt;
  return CodePoint{static_cast<char32_t>(value), static_cast<std::size_t>(used)};
}

CharacterClass class_of(char32_t code_point) {
  if (code_point == '\t') return CharacterClass::Space;
  if ((code_point >= 0x0A && code_point <= 0x0D) || code_point == 0x85) return CharacterClass::LineBreak;
  if (is_hidden_by_itself(code_point)) return CharacterClass::Invisible;
  switch (static_cast<utf8proc_category_t>(property_of(code_point).category)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharacterClass::Word;
    case UTF8PROC_CATEGORY_ZS:
      return CharacterClass::Space;
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return CharacterClass::LineBreak;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
      return CharacterClass::Punctuation;
    case UTF8PROC_CATEGORY_SO:
      return CharacterClass::Symbol;
    case UTF8PROC_CATEGORY_CC:
      return CharacterClass::Control;
    default:
      return CharacterClass::Other;  // among them the few format characters that are drawn (Arabic number signs)
  }
}

std::size_t columns_of(char32_t code_point) {
  const auto code = static_cast<utf8proc_int32_t>(code_point);
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
      return 1;  // utf8proc says 0: nothing that one should see
    default:
      return static_cast<std::size_t>(std::max(utf8proc_charwidth(code), 0));
  }
}

std::string code_point_name(char32_t code_point) {
  const auto known = std::find_if(kCodePointNames.begin(), kCodePointNames.end(),
                                  [&](const auto& n) { return n.first == code_point; });
  const std::string number = fmt::format("U+{:04X}", static_cast<std::uint32_t>(code_point));
  if (known != kCodePointNames.end()) return fmt::format("{} ({})", number, known->second);
  if (is_variation_selector(code_point)) return number + " (variation selector)";
  if (code_point >= 0xE0000 && code_point <= 0xE007F) return number + " (tag character)";
  return class_of(code_point) == CharacterClass::Control ? number + " (control character)" : number;
}

std::optional<HiddenCharacter> first_hidden(std::string_view text) {
  char32_t before = ' ';
  for (std::size_t at = 0; at < text.size();) {
    const auto next = first_code_point(text.substr(at));
    if (!next) {
      before = ' ';
      ++at;
      continue;
    }
    const char32_t code = next->value;
    const CharacterClass kind = class_of(code);
    const bool is_odd_space = kind == CharacterClass::Space && code != ' ' && code != '\t';
    if (kind == CharacterClass::Invisible || is_odd_space) {
      const auto after = first_code_point(text.substr(at + next->bytes));
      const bool joins = is_joiner(code) && before >= 0x80 && after && after->value >= 0x80;
      const bool selects = is_variation_selector(code) && before >= 0x80;
      const bool separates = code == 0x3000 && before >= 0x80;  // the blank of Chinese and Japanese
      if (!joins && !selects && !separates) return HiddenCharacter{code, at};
    }
    before = kind == CharacterClass::Space ? U' ' : code;
    at += next->bytes;
  }
  return std::nullopt;
}

bool is_white_space(char32_t code_point) {
  const CharacterClass kind = class_of(code_point);
  return kind == CharacterClass::Space || kind == CharacterClass::LineBreak;
}

std::size_t grapheme_length(std::string_view text) {
  const auto first = first_code_point(text);
  if (!first) return text.empty() ? 0 : 1;
  std::size_t bytes = first->bytes;
  char32_t before = first->value;
  utf8proc_int32_t state = 0;
  while (const auto next = first_code_point(text.substr(bytes))) {
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before),
                                         static_cast<utf8proc_int32_t>(next->value), &state))
      break;
    bytes += next->bytes;
    before = next->value;
  }
  return bytes;
}

namespace {

std::string mapped_by(std::string_view text, utf8proc_option_t options) {
  utf8proc_uint8_t* out = nullptr;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t size = utf8proc_map(bytes, static_cast<utf8proc_ssize_t>(text.size()), &out, options);
  std::string result = size < 0 ? std::string(text) : std::string(reinterpret_cast<char*>(out), std::size_t(size));
  std::free(out);
  return result;
}

}  // namespace

std::string composed(std::string_view text) {
  return mapped_by(text, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
}

std::string compatible(std::string_view text) {
  return mapped_by(text, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
}

std::string folded(std::string_view text) {
  return mapped_by(text, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                                        UTF8PROC_CASEFOLD | UTF8PROC_IGNORE));
}

}  // namespace framemill::base
