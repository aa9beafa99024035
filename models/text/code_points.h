// UTF-8 as code points and back. Pure.
#pragma once

#include <string>
#include <string_view>

namespace framemill::models {

// What is not well-formed becomes U+FFFD, byte by byte.
std::u32string code_points_of(std::string_view text);
// Surrogates and what is beyond U+10FFFF become U+FFFD.
std::string utf8_of(std::u32string_view code_points);

}  // namespace framemill::models
