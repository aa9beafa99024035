// Text for people: how wide it is on a terminal, how it is cut and padded, and how times, sizes and counts are written.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace framemill::cli {

// Columns a terminal needs for the UTF-8 text: 2 for wide East Asian characters and emoji, 0 for combining marks and
// for escape sequences of colours.
std::size_t display_width(std::string_view text);

// The character at the start of a text that is not empty. Malformed, overlong and surrogate forms are one invalid byte.
struct Character {
  char32_t code = 0xFFFD;
  std::size_t bytes = 1;
  bool valid = false;
};
Character next_character(std::string_view text);
// Control characters, and marks that turn the direction of text around: a file name could show as another.
bool is_harmful(char32_t code);

enum class LineBreaks { Replace, Keep };
// What came from elsewhere, made safe to print: control characters, escapes, bidirectional overrides and bytes that are
// no UTF-8 become U+FFFD. Keep lets line feeds and tabs through (log tails).
std::string printable(std::string_view text, LineBreaks breaks = LineBreaks::Replace);

// Cut to `width` columns, with an ellipsis when something was cut. Colours must be put on afterwards.
std::string cut_to(std::string_view text, std::size_t width, bool utf8 = true);
// Broken between words into at most `lines_max` lines of `width` columns; what does not fit is cut with an ellipsis.
std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t lines_max, bool utf8 = true);
std::string pad_right(std::string_view text, std::size_t width);  // text at the left
std::string pad_left(std::string_view text, std::size_t width);   // text at the right

std::string clock_text(std::int64_t ms);                                   // "0:07", "3:10", "1:02:09"
std::string roughly(std::int64_t ms);                                      // "about 4 s", "about 2 min", "about 3 h"
std::string bytes_text(std::uint64_t bytes);                               // "512 B", "1.4 MiB"
std::string age_text(std::string_view rfc3339, std::int64_t now_unix_ms);  // "3 min ago", "" for an empty time
// Milliseconds since 1970 of "2026-11-22T09:15:30.250Z"; 0 when it is not RFC 3339.
std::int64_t unix_ms_of(std::string_view rfc3339);
// "250ms", "90s", "5m", "2h" or plain seconds, at most a year; nothing for other texts.
std::optional<std::int64_t> duration_ms(std::string_view text);
std::string counted(std::int64_t count, std::string_view singular);  // "1 frame", "7 frames"

}  // namespace framemill::cli
