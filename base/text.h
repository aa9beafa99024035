// Text that comes from outside (what a program prints, a library's message, a file's name) made fit for messages, logs
// and terminals: well-formed UTF-8, without control characters, cut at a character. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace framemill::base {

// Bytes of the well-formed UTF-8 character that `text`, which must not be empty, begins with; 0: none (RFC 3629: no
// overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

// The text with every byte that is not part of a well-formed character replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

enum class Lines {
  Join,  // line breaks and tabs become spaces
  Keep,  // they stay; "\r\n" and a lone "\r" (a progress bar's) become "\n"
};
// As valid_utf8; control characters, those of Unicode for lines and directions among them, become spaces, terminal
// control sequences (ESC [ ... letter) go, and the result has at most `bytes_max` bytes and ends with a whole character.
std::string clean_text(std::string_view text, std::size_t bytes_max, Lines lines = Lines::Join);

// The same, but of what does not fit the end is kept.
std::string clean_tail(std::string_view text, std::size_t bytes_max, Lines lines = Lines::Join);

// The longest beginning, or end, of at most `bytes_max` bytes that cuts no character.
std::string_view first_bytes(std::string_view text, std::size_t bytes_max);
std::string_view last_bytes(std::string_view text, std::size_t bytes_max);

}  // namespace framemill::base
