// The steps by which tokenizer.json cuts a text, as plain values, and the text through them. Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "models/text/charsmap.h"
#include "models/text/mapped_text.h"
#include "models/text/segmenter.h"

namespace framemill::models {

// A token that is looked for in the text as it is, before anything else: "</s>".
struct AddedToken {
  std::string text;
  int id = 0;
  bool strip_left = false, strip_right = false;  // takes the blanks before or after it along
};

struct ReplaceText {
  std::string from, to;
};
struct CollapseBlanks {
  std::string to;  // in place of two or more blanks
};
struct StripBlanks {
  bool left = false, right = false;
};
using NormalizeStep = std::variant<Charsmap, ReplaceText, CollapseBlanks, StripBlanks>;

enum class BlankPrefix { Always, First, Never };  // where the replacement of a blank is put before a part

struct Pipeline {
  std::vector<AddedToken> added;
  std::vector<NormalizeStep> normalize;
  bool split_at_blanks = false;  // WhitespaceSplit: parts without their blanks
  std::string blank = "\xE2\x96\x81";
  BlankPrefix prefix = BlankPrefix::Always;
  bool split_before_blank = true;  // Metaspace: every word is cut for itself
  int end_id = 0;
};

class PipelineSegmenter final : public Segmenter {
 public:
  PipelineSegmenter(Pipeline pipeline, Unigram unigram)
      : pipeline_(std::move(pipeline)), unigram_(std::move(unigram)) {}

  std::vector<Token> split(std::string_view text) const override;
  int end_id() const override { return pipeline_.end_id; }

 private:
  // The tokens of text[begin, end), which has no added token.
  void split_part(std::string_view text, std::size_t begin, std::size_t end, std::vector<Token>& tokens) const;
  void split_word(const MappedText& word, std::size_t after, std::vector<Token>& tokens) const;

  Pipeline pipeline_;
  Unigram unigram_;
};

}  // namespace framemill::models
