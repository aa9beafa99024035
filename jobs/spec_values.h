// The small formats inside a spec: durations, sizes, moments, words that are safe in file names. Private to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace framemill::jobs {

// "90s", "5m", "2h": a whole number and its unit, 1 second to 30 days.
std::optional<base::Duration> parse_duration(std::string_view text);
// What a text that is not a duration was meant to be: "write 5m" for "5 min"; empty when nobody can tell.
std::string duration_meant(std::string_view text);
std::string duration_text(base::Duration duration);  // in seconds

// "512MiB", "8GiB": a whole number of B, KiB, MiB, GiB or TiB.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string size_meant(std::string_view text);  // "write 8GiB" for "8 GB"
std::string size_text(std::uint64_t bytes);     // in the largest unit that divides it

// RFC 3339 with an offset: "2026-12-24T18:00:00+01:00". Years 1970..9999; no leap seconds.
std::optional<base::WallTime> parse_moment(std::string_view text);
std::string moment_text(base::WallTime moment);  // in UTC, with milliseconds where there are any

// Letters, digits, "_", "." and "-", not first "." or "-", at most 64 bytes: safe in every file name and shell.
bool is_safe_word(std::string_view text);
// Well-formed UTF-8.
bool is_utf8(std::string_view text);

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

}  // namespace framemill::jobs
