#include "models/text/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace framemill::models {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the least probable piece

base::Error bad_vocabulary(std::string message) {
  return {"model.tokenizer", std::move(message), "", ""};
}

bool searched_for(PieceKind kind) {
  return kind == PieceKind::Normal || kind == PieceKind::UserDefined || kind == PieceKind::Unused;
}

// Bytes of the character that the text begins with, by its first byte.
std::size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(bytes, text.size());
}

// The byte that a piece "<0x0A>" stands for.
std::optional<unsigned char> byte_of(std::string_view piece) {
  unsigned value = 0;
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  const char* end = piece.data() + 5;
  const auto read = std::from_chars(piece.data() + 3, end, value, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return static_cast<unsigned char>(value);
}

base::Status check_pieces(const std::vector<Piece>& pieces, int unknown) {
  if (pieces.empty() || pieces.size() > kPiecesMax)
    return bad_vocabulary(fmt::format("{} pieces; there must be 1 to {}", pieces.size(), kPiecesMax));
  if (unknown < 0 || static_cast<std::size_t>(unknown) >= pieces.size())
    return bad_vocabulary(fmt::format("the unknown piece has id {}, but ids are 0 to {}", unknown, pieces.size() - 1));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].text.size() > kPieceBytesMax)
      return bad_vocabulary(
          fmt::format("piece {} has {} bytes; the limit is {}", i, pieces[i].text.size(), kPieceBytesMax));
    if (!std::isfinite(pieces[i].score)) return bad_vocabulary(fmt::format("the score of piece {} is not finite", i));
  }
  return {};
}

}  // namespace

base::Result<Unigram> Unigram::make(const std::vector<Piece>& pieces, int unknown, UnigramRules rules) {
  FM_TRY(check_pieces(pieces, unknown));
  Unigram made;
  made.rules_ = rules;
  made.unknown_ = unknown;
  double least = std::numeric_limits<double>::max(), greatest = std::numeric_limits<double>::lowest();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    made.begin_.push_back(static_cast<std::uint32_t>(made.text_.size()));
    made.text_ += piece.text;
    made.kinds_.push_back(piece.kind);
    if (rules.single_precision)
      made.float_scores_.push_back(static_cast<float>(piece.score));
    else
      made.scores_.push_back(piece.score);
    if (piece.kind == PieceKind::Normal) {
      least = std::min(least, piece.score);
      greatest = std::max(greatest, piece.score);
    }
    if (searched_for(piece.kind) && !piece.text.empty()) made.sorted_.push_back(static_cast<std::uint32_t>(i));
  }
  made.begin_.push_back(static_cast<std::uint32_t>(made.text_.size()));
  if (made.sorted_.empty()) return bad_vocabulary("no piece can be searched for");
  if (least > greatest) least = greatest = 0.0;
  made.unknown_score_ = least - kUnknownPenalty;
  made.score_max_ = greatest;

  std::sort(made.sorted_.begin(), made.sorted_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = made.text_of(a).compare(made.text_of(b));
    return order != 0 ? order < 0 : a > b;  // the last of equal ones first: it is the one to keep
  });
  const auto equal = [&](std::uint32_t a, std::uint32_t b) { return made.text_of(a) == made.text_of(b); };
  const auto twice = std::adjacent_find(made.sorted_.begin(), made.sorted_.end(), equal);
  if (twice != made.sorted_.end() && !rules.duplicates)
    return bad_vocabulary(fmt::format("pieces {} and {} are the same", *(twice + 1), *twice));
  made.sorted_.erase(std::unique(made.sorted_.begin(), made.sorted_.end(), equal), made.sorted_.end());
  for (const std::uint32_t id : made.sorted_)
    ++made.first_[static_cast<std::size_t>(static_cast<unsigned char>(made.text_of(id)[0])) + 1];
  for (std::size_t i = 1; i < made.first_.size(); ++i) made.first_[i] += made.first_[i - 1];

  made.byte_ids_.fill(unknown);
  if (rules.byte_fallback)
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (const auto byte = byte_of(pieces[i].text)) made.byte_ids_[*byte] = static_cast<int>(i);
  return made;
}

template <class Found>
void Unigram::for_each_prefix(std::string_view text, Found&& found) const {
  if (text.empty()) return;
  const auto first = static_cast<unsigned char>(text[0]);
  auto low = sorted_.begin() + first_[first];
  auto high = sorted_.begin() + first_[first + 1u];
  // low to high are the pieces that share the first `length` bytes of the text; one of just these bytes is the first.
  for (std::size_t length = 1; low != high; ++length) {
    if (text_of(*low).size() == length) found(*low++, length);
    if (length >= text.size()) break;
    const auto next = static_cast<unsigned char>(text[length]);
    const auto byte_of_piece = [&](std::uint32_t id) { return static_cast<unsigned char>(text_of(id)[length]); };
    low = std::partition_point(low, high, [&](std::uint32_t id) { return byte_of_piece(id) < next; });
    high = std::partition_point(low, high, [&](std::uint32_t id) { return byte_of_piece(id) == next; });
  }
}

std::size_t Unigram::longest_user_defined(std::string_view text) const {
  std::size_t longest = 0;
  for_each_prefix(text, [&](std::uint32_t id, std::size_t bytes) {
    if (kinds_[id] == PieceKind::UserDefined) longest = bytes;
  });
  return longest;
}

// Every piece that the text has at `begin`, and the unknown character where none of them is exactly one character.
void Unigram::search_from(std::string_view text, std::size_t begin, std::vector<Step>& best) const {
  const double so_far = best[begin].score;
  const std::size_t character = character_bytes(text.substr(begin));
  const auto offer = [&](std::size_t bytes, int id, double score) {
    Step& step = best[begin + bytes];
    const double sum = score + so_far;
    if (step.begin >= 0 && !(sum > step.score)) return;
    step = {rules_.single_precision ? static_cast<double>(static_cast<float>(sum)) : sum,
            static_cast<std::int64_t>(begin), id};
  };
  bool covers_character = false;
  for_each_prefix(text.substr(begin), [&](std::uint32_t id, std::size_t bytes) {
    if (kinds_[id] == PieceKind::Unused) return;
    const double score = rules_.single_precision ? static_cast<double>(float_scores_[id]) : scores_[id];
    // A user-defined piece is always preferred, a longer one to a shorter.
    const double bonus = static_cast<double>(bytes) * score_max_ - 0.1;
    offer(bytes, static_cast<int>(id), kinds_[id] == PieceKind::UserDefined ? bonus : score);
    covers_character = covers_character || bytes == character;
  });
  if (!covers_character) offer(character, unknown_, unknown_score_);
}

void Unigram::append_unknown(std::string_view text, const Token& token, std::vector<Token>& tokens,
                             bool after_unknown) const {
  if (rules_.byte_fallback) {
    for (std::size_t i = token.begin; i < token.end; ++i)
      tokens.push_back({byte_ids_[static_cast<unsigned char>(text[i])], i, i + 1});
  } else if (after_unknown) {
    tokens.back().end = token.end;
  } else {
    tokens.push_back(token);
  }
}

void Unigram::encode(std::string_view text, std::size_t offset, std::vector<Token>& tokens) const {
  if (text.empty()) return;
  std::vector<Step> best(text.size() + 1);
  best[0].begin = 0;
  for (std::size_t at = 0; at < text.size(); at += character_bytes(text.substr(at)))
    if (best[at].begin >= 0) search_from(text, at, best);
  std::vector<Token> found;
  for (std::size_t end = text.size(); end > 0;) {
    const auto begin = static_cast<std::size_t>(best[end].begin);
    found.push_back({best[end].id, begin, end});
    end = begin;
  }
  const std::size_t first = tokens.size();
  bool after_unknown = false;
  for (auto token = found.rbegin(); token != found.rend(); ++token) {
    const bool unknown = token->id == unknown_;
    if (unknown)
      append_unknown(text, *token, tokens, after_unknown);
    else
      tokens.push_back(*token);
    after_unknown = unknown;
  }
  for (std::size_t i = first; i < tokens.size(); ++i) {
    tokens[i].begin += offset;
    tokens[i].end += offset;
  }
}

}  // namespace framemill::models
