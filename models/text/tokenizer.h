// From a prompt to the token ids that a text encoder gets. A tokeniser is opened from the file that comes with the model
// and is immutable; threads may share it. Pure but for open().
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/text/segmenter.h"

namespace framemill::models {

inline constexpr std::uint64_t kTokenizerBytesMax = 64 * 1024 * 1024;
// Longer texts are cut to this before anything else; ids of what follows would be far beyond any limit of a model.
inline constexpr std::size_t kTokenizedBytesMax = 256 * 1024;

enum class TokenizerFormat { SentencePiece, TokenizerJson };

class Tokenizer {
 public:
  // A name that ends in ".json" is a tokenizer.json, everything else a SentencePiece model. Errors: model.tokenizer,
  // those of base::read_file.
  static base::Result<std::shared_ptr<const Tokenizer>> open(const std::filesystem::path& path);
  // The bytes of such a file. Errors: model.tokenizer.
  static base::Result<std::shared_ptr<const Tokenizer>> parse(std::string_view file, TokenizerFormat format);

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  struct Cut {
    std::vector<int> ids;            // at most max_tokens, the end token last
    std::size_t tokens = 0;          // that the whole text has, with the end token
    std::size_t cut_at_byte = npos;  // where in `text` begins what the ids leave out; npos: nothing is left out
  };

  // The ids of a text, with the end token.
  std::vector<int> encode(std::string_view text) const;
  // The ids of as much of the beginning of a text as fits into `max_tokens`, which is 1 or more.
  Cut encode(std::string_view text, std::size_t max_tokens) const;

  int end_id() const { return segmenter_->end_id(); }

 private:
  explicit Tokenizer(std::unique_ptr<const Segmenter> segmenter) : segmenter_(std::move(segmenter)) {}

  std::unique_ptr<const Segmenter> segmenter_;
};

}  // namespace framemill::models
