// What a text in a file may hold: words that are safe in file names, lines without control characters. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace framemill::config {

// Letters, digits, "_", "." and "-", not first "." or "-", at most 64 bytes: safe in every file name and shell.
bool is_safe_word(std::string_view text);

enum class TextRule {
  Word,      // safe in file names
  Line,      // no control characters, none that cannot be seen
  Argument,  // as Line; tabs and newlines as well
  Prose,     // any blanks, line breaks and invisible characters; no control characters
};
// The first character of a well-formed text that the rule forbids, by its code point: "U+200B (zero width space)".
// Word is treated as Line: what else is unsafe in file names is is_safe_word's.
std::optional<std::string> forbidden_character(std::string_view text, TextRule rule);
// Why a text that holds nothing forbidden is not a safe word: "it holds U+0456, ...".
std::string why_unsafe(std::string_view text);

// For quoting in messages: at most 80 bytes, cut between characters; control and invisible characters as "<U+200B>",
// broken bytes as "?".
std::string printable(std::string_view text);

}  // namespace framemill::config
