#include "models/text/tokenizer.h"

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "models/text/sentencepiece.h"
#include "models/text/tokenizer_json.h"

namespace framemill::models {

base::Result<std::shared_ptr<const Tokenizer>> Tokenizer::parse(std::string_view file, TokenizerFormat format) {
  FM_ASSIGN(std::unique_ptr<const Segmenter> segmenter,
            format == TokenizerFormat::TokenizerJson ? read_tokenizer_json(file) : read_sentencepiece(file));
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(segmenter)));
}

base::Result<std::shared_ptr<const Tokenizer>> Tokenizer::open(const std::filesystem::path& path) {
  FM_ASSIGN(const std::string bytes, base::read_file(path, kTokenizerBytesMax));
  auto made =
      parse(bytes, path.extension() == ".json" ? TokenizerFormat::TokenizerJson : TokenizerFormat::SentencePiece);
  if (!made.ok()) return made.error().wrapped(path.filename().string());
  return made;
}

std::vector<int> Tokenizer::encode(std::string_view text) const {
  return encode(text, npos).ids;
}

Tokenizer::Cut Tokenizer::encode(std::string_view text, std::size_t max_tokens) const {
  FM_CHECK(max_tokens >= 1, "no room for the end token");
  const std::vector<Token> tokens = segmenter_->split(base::first_bytes(text, kTokenizedBytesMax));
  Cut cut;
  cut.tokens = tokens.size() + 1;
  for (const Token& token : tokens) {
    if (cut.ids.size() + 1 == max_tokens) {
      cut.cut_at_byte = token.begin;
      break;
    }
    cut.ids.push_back(token.id);
  }
  cut.ids.push_back(segmenter_->end_id());
  return cut;
}

}  // namespace framemill::models
