// A prompt as the words it says: what people paste from documents, chats and spreadsheets, without the blanks,
// punctuation and invisible characters that come along. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

struct PromptWord {
  std::string text;          // folded: lower case, plain width, composed
  bool ends_phrase = false;  // a comma, semicolon, full stop or line break of any script follows
  std::string dropped;       // names of invisible characters that stood inside it; empty for nearly every word
};

// Blanks of every width and punctuation of every script separate words; an apostrophe inside a word belongs to it;
// invisible characters (zero-width spaces and joiners, soft hyphens, byte order and direction marks) are dropped.
// Errors: prompt.characters (bytes that are not UTF-8, control characters by their code point).
base::Result<std::vector<PromptWord>> prompt_words(std::string_view prompt);

// The unknown word for a message: 'nіght' (U+0456 among its letters), 'nighthills' (U+200B was dropped from it).
std::string described(const PromptWord& word);

}  // namespace framemill::models
