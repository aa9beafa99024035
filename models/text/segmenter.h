// How a tokeniser's file cuts a text into tokens: the part in which SentencePiece files and tokenizer.json differ.
#pragma once

#include <string_view>
#include <vector>

#include "models/text/unigram.h"

namespace framemill::models {

class Segmenter {
 public:
  virtual ~Segmenter() = default;
  // The tokens of a text without the end token. Their places are in `text`; those that stand for nothing in it (a blank
  // that was put before the first word) have the place of what follows.
  virtual std::vector<Token> split(std::string_view text) const = 0;
  virtual int end_id() const = 0;
};

}  // namespace framemill::models
