// A unigram vocabulary: pieces of text with the logarithm of their probability, and the most probable way to cut a text
// into them (Kudo 2018, "Subword regularization", section 3.2; Viterbi's search). Both SentencePiece files and
// tokenizer.json hold one; what they differ in is UnigramRules. Immutable, pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

enum class PieceKind : std::uint8_t { Normal, Unknown, Control, UserDefined, Unused, Byte };

struct Piece {
  std::string text;
  double score = 0.0;  // finite
  PieceKind kind = PieceKind::Normal;
};

// A piece of the vocabulary at a place of the text.
struct Token {
  int id = 0;
  std::size_t begin = 0, end = 0;  // bytes
};

struct UnigramRules {
  bool single_precision = false;  // sums of scores are rounded to float, which decides between nearly equal cuts
  bool byte_fallback = false;     // what no piece covers becomes pieces "<0x00>" to "<0xFF>" instead of one unknown
  bool duplicates = false;        // the last of equal pieces counts; else they are an error
};

inline constexpr std::size_t kPiecesMax = 1'000'000;
inline constexpr std::size_t kPieceBytesMax = 4096;

class Unigram {
 public:
  // `unknown` is the id of the piece that stands for what no other covers. Pieces of the kinds Normal, UserDefined and
  // Unused are searched for, and no Unused one is used. Errors: model.tokenizer (none or too many pieces, one that is
  // too long or twice there, an unknown piece out of range, a score that is not finite).
  static base::Result<Unigram> make(const std::vector<Piece>& pieces, int unknown, UnigramRules rules);

  // Appends the tokens of `text`, which is UTF-8 (what is not counts as characters of one byte). Neighbouring unknown
  // characters become one token. `offset` is added to their places.
  void encode(std::string_view text, std::size_t offset, std::vector<Token>& tokens) const;

  // Bytes of the longest user-defined piece that the text begins with; 0: none.
  std::size_t longest_user_defined(std::string_view text) const;
  std::size_t size() const { return kinds_.size(); }

 private:
  struct Step {  // the best way to a place
    double score = 0.0;
    std::int64_t begin = -1;  // of its last piece; -1: not reached
    int id = 0;
  };

  std::string_view text_of(std::uint32_t id) const {
    return std::string_view(text_).substr(begin_[id], begin_[id + 1] - begin_[id]);
  }
  // Calls found(id, bytes) for each piece that the text begins with, shorter ones first.
  template <class Found>
  void for_each_prefix(std::string_view text, Found&& found) const;
  void search_from(std::string_view text, std::size_t begin, std::vector<Step>& best) const;
  void append_unknown(std::string_view text, const Token& token, std::vector<Token>& tokens, bool after_unknown) const;

  UnigramRules rules_;
  int unknown_ = 0;
  double unknown_score_ = 0.0, score_max_ = 0.0;
  std::string text_;                  // all pieces, one after the other
  std::vector<std::uint32_t> begin_;  // size() + 1 places in it
  std::vector<float> float_scores_;   // of single precision
  std::vector<double> scores_;        // of double precision
  std::vector<PieceKind> kinds_;
  std::vector<std::uint32_t> sorted_;       // ids of the pieces that are searched for, by their bytes
  std::array<std::uint32_t, 257> first_{};  // where those with a first byte begin in sorted_
  std::array<int, 256> byte_ids_{};
};

}  // namespace framemill::models
