// What people write into a file that is not TOML or JSON, and what they meant: values without quotes, typographic
// quotes, blanks that are no blanks. A text that does not parse is mended here, so that the reader can go on and
// report everything else that is wrong as well; nothing that was mended is ever accepted. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/finding.h"

namespace framemill::config {

enum class Language { Toml, Json };

// One change of the text.
struct Mend {
  enum class Kind {
    Unquoted,     // a value that needs quotes
    WrongQuotes,  // a value in quotation marks of another kind
    TooLarge,     // an integer beyond 64 bits: a string stands in for it
    UnquotedKey,  // JSON: a key without quotes, or in others
    ForeignKey,   // TOML: a key with letters that are not ASCII, which may look as if they were
    Twice,        // a key that the table has already, with its value
    Separator,    // "key: value" in TOML, "key = value" in JSON
    Comma,        // JSON: a comma before a closing bracket
    Comment,      // JSON: which has none
    Header,       // TOML: [slot] where [[slot]] is meant; `written` is the key
    Hidden,       // a character outside strings that cannot be seen, or an unusual blank
  };
  Kind kind = Kind::Unquoted;
  std::size_t begin = 0, end = 0;  // bytes of the text that are replaced
  std::string replacement;
  std::string written;             // the value as its author meant it, without quotation marks; or the character
  std::string key;                 // of the value; empty for an element of an array
  std::size_t strings_before = 0;  // string values before it in the mended text

  bool is_value() const { return kind == Kind::Unquoted || kind == Kind::WrongQuotes || kind == Kind::TooLarge; }
};

inline constexpr std::size_t kMendsMax = 100;

// In the order of the text; empty when nothing is to be mended. At most kMendsMax.
// `lists`: keys of tables that are written [[key]].
std::vector<Mend> find_mends(std::string_view text, Language language, const std::vector<std::string_view>& lists = {});
std::string mended(std::string_view text, const std::vector<Mend>& mends);
// The place in the text that a place in the mended text stands for.
std::size_t original_offset(const std::vector<Mend>& mends, std::size_t mended_offset);

// What the mend of a value is for its author to do: "write it in quotes: frames = "1001-1100"".
std::string advice(const Mend& mend, Language language);
// The finding of a mend that is not a value's, or of one in a text that could not be read any further.
Finding finding(const Mend& mend, const Position& at, Language language);

// The text as a basic string of TOML, which is a string of JSON too.
std::string in_quotes(std::string_view text);
// `frames = "1001-1100"`, `"frames": "1001-1100"`; the value alone without a key.
std::string quoted_form(std::string_view key, std::string_view written, Language language);

// What to do about a text that does not parse even so; empty where nothing helpful is known. `offset`: where the parser
// stopped.
std::string syntax_hint(std::string_view text, std::size_t offset, Language language);

}  // namespace framemill::config
