// What Unicode says of the characters of a text: which class they are of, which cannot be seen, and what they fold to.
// Over utf8proc, whose header ends in unicode.cpp. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace framemill::base {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // of its UTF-8 form: 1 to 4
};

// The code point that the text begins with; nothing for an empty text and where the bytes are not well-formed UTF-8.
std::optional<CodePoint> first_code_point(std::string_view text);

enum class CharacterClass {
  Word,         // letters, marks, digits
  Space,        // every width of blank: U+0020, U+00A0, U+2009, U+3000
  LineBreak,    // U+000A to U+000D, U+0085, U+2028, U+2029
  Punctuation,  // dashes, quotation marks, brackets; mathematical, currency and modifier symbols
  Symbol,       // pictures: emoji, arrows of dingbats, degree signs
  Control,      // U+0000 to U+001F and U+007F to U+009F, as far as they are no line breaks; a tab is a Space
  Invisible,    // zero-width spaces and joiners, soft hyphens, byte order marks, direction marks, variation selectors
  Other,        // unassigned, private use
};
CharacterClass class_of(char32_t code_point);

// Columns that a terminal gives the character: 2 for wide East Asian characters and emoji, 0 for combining marks and what
// is invisible, 1 for all others, unassigned ones and the stand-ins for control characters among them.
std::size_t columns_of(char32_t code_point);

// "U+200B (zero width space)"; without a name in parentheses where this room knows none.
std::string code_point_name(char32_t code_point);

// The first character of a text that a reader cannot see, or would take for another blank: Invisible, or a Space other
// than U+0020 and the tab. Joiners between, and variation selectors and ideographic spaces after, characters beyond ASCII
// are part of how those are written (emoji, Persian, Japanese) and pass. Nothing for a text without such; malformed
// bytes are passed over.
struct HiddenCharacter {
  char32_t code_point = 0;
  std::size_t offset = 0;  // in bytes
};
std::optional<HiddenCharacter> first_hidden(std::string_view text);

// Unicode's White_Space property: what Python's and Rust's own functions take for blank, line breaks among them.
bool is_white_space(char32_t code_point);

// Bytes of the grapheme cluster (what a reader takes for one character: a letter with its accents, an emoji of several
// parts, "\r\n") that `text` begins with: 0 for an empty text, 1 where its bytes are not well-formed UTF-8.
std::size_t grapheme_length(std::string_view text);

// In Unicode's normalisation form C. The text is well-formed UTF-8.
std::string composed(std::string_view text);
// In form KC: full and half width, ligatures and other compatibility forms as plain letters. The text is well-formed.
std::string compatible(std::string_view text);

// For comparing words: compatibility forms (full width, ligatures) as plain letters, lower case by Unicode's folding,
// composed, without invisible characters. The text is well-formed UTF-8.
std::string folded(std::string_view text);

}  // namespace framemill::base
