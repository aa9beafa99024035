// UTF-8 that somebody read as Latin-1 or Windows-1252 ("CafÃ©", "donâ€™t"), put right. Pure.
#pragma once

#include <string>
#include <string_view>

namespace framemill::models {

// A line of text with its mojibake undone, also where it happened more than once, or in a part of the line only. Text
// without the marks of mojibake stays as it is: a line is changed only where two or three neighbouring characters are
// such as people do not write ("Ã©", "â€"), by the classes and pairs of ftfy 6.3 (its badness.py) as far as they are
// characters of these two encodings.
std::u32string mend_encoding(std::u32string_view line);

// The characters U+0080 to U+009F, which nobody means, as what Windows-1252 has in their places.
std::u32string mend_c1_controls(std::u32string_view line);

}  // namespace framemill::models
