// A prompt as text encoders of video models were trained to get it: pasted text put right, references of HTML resolved,
// blanks made single. What the Python pipelines do with ftfy, html.unescape and a regular expression. Pure.
#pragma once

#include <string>
#include <string_view>

namespace framemill::models {

// Steps, in the order of ftfy 6.3's fix_text, each line for itself and until nothing changes: certain references of HTML
// (where the line has no "<"), mojibake of Latin-1 and Windows-1252, C1 controls, Latin ligatures, full and half width,
// straight quotation marks, terminal escapes and control characters dropped, form NFC. Then html.unescape twice, every
// run of blanks one space, none at the ends. Left out of ftfy: mojibake of other encodings (Windows-1250, -1251, Mac) and
// surrogates, which UTF-8 does not have. Text of any language that is right stays as it is.
std::string clean_prompt(std::string_view prompt);

}  // namespace framemill::models
