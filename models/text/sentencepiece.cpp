#include "models/text/sentencepiece.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <optional>
#include <string>

#include "base/text.h"
#include "models/text/charsmap.h"
#include "models/text/mapped_text.h"

namespace framemill::models {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";        // U+2581 stands for a blank inside pieces
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

base::Error bad_file(std::string message) {
  return {"model.tokenizer", "SentencePiece model: " + std::move(message), "", ""};
}

// One field of a protobuf message. A group, which no such file has, ends the reading.
struct ProtoField {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a varint or fixed field
  std::string_view bytes;   // of one with a length
  bool has_bytes = false;
};

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}

  // The next field; nothing at the end of the message, and where it is malformed (ok() tells).
  std::optional<ProtoField> next() {
    if (rest_.empty()) return std::nullopt;
    ProtoField field;
    const auto key = varint();
    if (!key || (field.number = *key >> 3) == 0) return malformed();
    switch (*key & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return malformed();
        field.value = *value;
        return field;
      }
      case 1:
        return fixed(field, 8);
      case 5:
        return fixed(field, 4);
      case 2: {
        const auto length = varint();
        if (!length || *length > rest_.size()) return malformed();
        field.has_bytes = true;
        field.bytes = rest_.substr(0, *length);
        rest_.remove_prefix(*length);
        return field;
      }
      default:
        return malformed();
    }
  }
  bool ok() const { return ok_; }

 private:
  std::optional<ProtoField> malformed() {
    ok_ = false;
    rest_ = {};
    return std::nullopt;
  }
  std::optional<ProtoField> fixed(ProtoField field, std::size_t bytes) {
    if (rest_.size() < bytes) return malformed();
    for (std::size_t i = 0; i < bytes; ++i)
      field.value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    rest_.remove_prefix(bytes);
    return field;
  }
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      if (i == 9 && byte > 1) return std::nullopt;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return value;
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// What is read of ModelProto (sentencepiece_model.proto); the defaults are the schema's.
struct ModelFile {
  std::vector<Piece> pieces;
  std::uint64_t model_type = 1;
  bool byte_fallback = false, blank_as_suffix = false;
  std::string end_piece = "</s>";
  std::string charsmap;
  bool add_dummy_prefix = true, remove_extra_blanks = true, escape_blanks = true;
};

constexpr std::uint64_t kUnigramType = 1;

base::Status read_piece(std::string_view message, ModelFile& file) {
  ProtoReader reader(message);
  Piece piece;
  std::uint64_t type = 1;
  while (const auto field = reader.next()) {
    if (field->number == 1 && field->has_bytes) piece.text = field->bytes;
    if (field->number == 2 && !field->has_bytes)
      piece.score = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(field->value)));
    if (field->number == 3 && !field->has_bytes) type = field->value;
  }
  if (!reader.ok()) return bad_file(fmt::format("piece {} is malformed", file.pieces.size()));
  switch (type) {
    case 1:
      piece.kind = PieceKind::Normal;
      break;
    case 2:
      piece.kind = PieceKind::Unknown;
      break;
    case 3:
      piece.kind = PieceKind::Control;
      break;
    case 4:
      piece.kind = PieceKind::UserDefined;
      break;
    case 5:
      piece.kind = PieceKind::Unused;
      break;
    case 6:
      piece.kind = PieceKind::Byte;
      break;
    default:
      return bad_file(fmt::format("piece {} is of unknown type {}", file.pieces.size(), type));
  }
  if (piece.text.empty()) return bad_file(fmt::format("piece {} is empty", file.pieces.size()));
  if (file.pieces.size() >= kPiecesMax) return bad_file(fmt::format("more than {} pieces", kPiecesMax));
  file.pieces.push_back(std::move(piece));
  return {};
}

bool read_trainer_settings(std::string_view message, ModelFile& file) {
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 3) file.model_type = field->value;
    if (field->number == 24) file.blank_as_suffix = field->value != 0;
    if (field->number == 35) file.byte_fallback = field->value != 0;
    if (field->number == 47 && field->has_bytes) file.end_piece = field->bytes;
  }
  return reader.ok();
}

bool read_normalizer_settings(std::string_view message, ModelFile& file) {
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 2 && field->has_bytes) file.charsmap = field->bytes;
    if (field->number == 3) file.add_dummy_prefix = field->value != 0;
    if (field->number == 4) file.remove_extra_blanks = field->value != 0;
    if (field->number == 5) file.escape_blanks = field->value != 0;
  }
  return reader.ok();
}

base::Result<ModelFile> read_model(std::string_view bytes) {
  ModelFile file;
  ProtoReader reader(bytes);
  while (const auto field = reader.next()) {
    if (!field->has_bytes) continue;
    if (field->number == 1) FM_TRY(read_piece(field->bytes, file));
    if (field->number == 2 && !read_trainer_settings(field->bytes, file))
      return bad_file("its trainer settings are malformed");
    if (field->number == 3 && !read_normalizer_settings(field->bytes, file))
      return bad_file("its normaliser settings are malformed");
  }
  if (!reader.ok()) return bad_file(fmt::format("malformed or cut short after {} pieces", file.pieces.size()));
  if (file.model_type != kUnigramType)
    return bad_file(
        fmt::format("model type {}; only unigram models (type {}) are supported", file.model_type, kUnigramType));
  if (file.blank_as_suffix) return bad_file("treat_whitespace_as_suffix is not supported");
  return file;
}

class SentencepieceSegmenter final : public Segmenter {
 public:
  SentencepieceSegmenter(const ModelFile& file, Unigram unigram, Charsmap charsmap, int end_id)
      : unigram_(std::move(unigram)), charsmap_(std::move(charsmap)), end_id_(end_id),
        add_dummy_prefix_(file.add_dummy_prefix), remove_extra_blanks_(file.remove_extra_blanks),
        blank_(file.escape_blanks ? kBlank : " ") {}

  int end_id() const override { return end_id_; }

  std::vector<Token> split(std::string_view text) const override {
    const MappedText normal = normalised(text);
    std::vector<Token> tokens;
    unigram_.encode(normal.text(), 0, tokens);
    const auto place = [&](std::size_t byte) { return byte < normal.size() ? normal.origin(byte) : text.size(); };
    for (Token& token : tokens) token = {token.id, place(token.begin), place(token.end)};
    return tokens;
  }

 private:
  struct Rewritten {
    std::string_view text;
    std::size_t bytes = 1;  // of the original that it stands for
  };

  // What the text begins with, as the rules have it. User-defined pieces stay as they are.
  Rewritten rewritten(std::string_view text) const {
    if (const std::size_t kept = unigram_.longest_user_defined(text); kept > 0) return {text.substr(0, kept), kept};
    if (const auto rule = charsmap_.longest(text)) return {rule->replacement, rule->bytes};
    const std::size_t character = base::utf8_length(text);
    if (character == 0) return {kReplacement, 1};
    return {text.substr(0, character), character};
  }

  MappedText normalised(std::string_view text) const {
    MappedText out;
    std::size_t at = 0;
    if (remove_extra_blanks_)
      for (; at < text.size();) {
        const Rewritten next = rewritten(text.substr(at));
        if (next.text != " ") break;
        at += next.bytes;
      }
    if (at == text.size()) return out;
    if (add_dummy_prefix_) out.append(blank_, at);
    bool after_blank = remove_extra_blanks_;
    while (at < text.size()) {
      const Rewritten next = rewritten(text.substr(at));
      std::string_view rest = next.text;
      while (after_blank && rest.starts_with(' ')) rest.remove_prefix(1);
      for (const char c : rest) {
        if (c == ' ')
          out.append(blank_, at);
        else
          out.append(std::string_view(&c, 1), at);
      }
      if (!rest.empty()) after_blank = rest.ends_with(' ');
      if (!remove_extra_blanks_) after_blank = false;
      at += next.bytes;
    }
    if (remove_extra_blanks_)
      while (out.text().ends_with(blank_)) out.shorten(out.size() - blank_.size());
    return out;
  }

  Unigram unigram_;
  Charsmap charsmap_;
  int end_id_;
  bool add_dummy_prefix_, remove_extra_blanks_;
  std::string_view blank_;
};

}  // namespace

base::Result<std::unique_ptr<const Segmenter>> read_sentencepiece(std::string_view bytes) {
  FM_ASSIGN(ModelFile file, read_model(bytes));
  int unknown = -1, end = -1, unknown_pieces = 0;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.pieces[i].kind == PieceKind::Unknown) {
      unknown = static_cast<int>(i);
      ++unknown_pieces;
    }
    if (file.pieces[i].kind == PieceKind::Control && file.pieces[i].text == file.end_piece) end = static_cast<int>(i);
  }
  if (unknown_pieces != 1) return bad_file(fmt::format("{} unknown pieces; there must be one", unknown_pieces));
  if (end < 0) return bad_file(fmt::format("no end piece '{}'", base::clean_text(file.end_piece, 40)));
  FM_ASSIGN(Charsmap charsmap, Charsmap::make(file.charsmap));
  FM_ASSIGN(Unigram unigram,
            Unigram::make(file.pieces, unknown, {.single_precision = true, .byte_fallback = file.byte_fallback}));
  return std::unique_ptr<const Segmenter>(
      std::make_unique<SentencepieceSegmenter>(file, std::move(unigram), std::move(charsmap), end));
}

}  // namespace framemill::models
