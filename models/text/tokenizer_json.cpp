#include "models/text/tokenizer_json.h"

#include <fmt/format.h>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <new>
#include <optional>

#include "base/text.h"
#include "models/text/pipeline.h"

namespace framemill::models {
namespace {

namespace json = boost::json;

constexpr std::size_t kJsonDepthMax = 12;
constexpr std::size_t kJsonMemoryBytesMax = 512 * 1024 * 1024;
constexpr std::size_t kAddedTokensMax = 4096;
constexpr std::size_t kStepsMax = 16;
constexpr std::string_view kUseOther = "use the model's spiece.model instead";

base::Error bad_json(std::string message, std::string_view hint = {}) {
  return {"model.tokenizer", "tokenizer.json: " + std::move(message), "", std::string(hint)};
}

base::Error unsupported(std::string_view what, std::string_view name) {
  return bad_json(fmt::format("{} \"{}\" is not supported", what, base::clean_text(name, 40)), kUseOther);
}

// Memory for the parsed file: an array of zeros takes eight times its text.
class BoundedMemory final : public json::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes > left_) throw std::bad_alloc();
    left_ -= bytes;
    return ::operator new(bytes, std::align_val_t(alignment));
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    left_ += bytes;
    ::operator delete(memory, std::align_val_t(alignment));
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override { return this == &other; }

  std::size_t left_ = kJsonMemoryBytesMax;
};

// The member of an object; null where there is none, or none of that name.
const json::value* member(const json::value& from, std::string_view key) {
  const json::object* object = from.if_object();
  if (object == nullptr) return nullptr;
  const json::value* found = object->if_contains(key);
  return found != nullptr && found->is_null() ? nullptr : found;
}
std::optional<std::string_view> text_member(const json::value& from, std::string_view key) {
  const json::value* found = member(from, key);
  const json::string* text = found == nullptr ? nullptr : found->if_string();
  if (text == nullptr) return std::nullopt;
  return std::string_view(text->data(), text->size());
}
bool true_member(const json::value& from, std::string_view key, bool absent = false) {
  const json::value* found = member(from, key);
  return found == nullptr || !found->is_bool() ? absent : found->get_bool();
}
std::optional<int> id_member(const json::value& from, std::string_view key) {
  const json::value* found = member(from, key);
  if (found == nullptr || !found->is_int64() || found->get_int64() < 0 ||
      found->get_int64() >= static_cast<std::int64_t>(kPiecesMax))
    return std::nullopt;
  return static_cast<int>(found->get_int64());
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xFFFFFFu;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFFu);
  }
  return bytes;
}

// The parts of a part: of a "Sequence" its members, else it itself. A sequence in a sequence stays one part.
std::vector<const json::value*> parts_of(const json::value* part, std::string_view key) {
  std::vector<const json::value*> parts;
  if (part == nullptr) return parts;
  const json::value* list = text_member(*part, "type") == "Sequence" ? member(*part, key) : nullptr;
  if (list != nullptr && list->is_array())
    for (const json::value& each : list->get_array()) parts.push_back(&each);
  else
    parts.push_back(part);
  return parts;
}

base::Result<NormalizeStep> read_replace(const json::value& part) {
  const json::value* pattern = member(part, "pattern");
  const auto to = text_member(part, "content");
  if (pattern != nullptr && to) {
    if (const auto from = text_member(*pattern, "String"); from && !from->empty())
      return NormalizeStep(ReplaceText{std::string(*from), std::string(*to)});
    if (const auto regex = text_member(*pattern, "Regex")) {
      if (*regex == " {2,}") return NormalizeStep(CollapseBlanks{std::string(*to)});
      return unsupported("the pattern", *regex);
    }
  }
  return bad_json("a normaliser \"Replace\" without a pattern or content");
}

base::Result<NormalizeStep> read_normalize_step(const json::value& part) {
  const std::string_view type = text_member(part, "type").value_or("");
  if (type == "Replace") return read_replace(part);
  if (type == "Strip")
    return NormalizeStep(StripBlanks{true_member(part, "strip_left"), true_member(part, "strip_right")});
  if (type == "Precompiled") {
    const auto blob = from_base64(text_member(part, "precompiled_charsmap").value_or(""));
    if (!blob) return bad_json("precompiled_charsmap is not base64");
    FM_ASSIGN(Charsmap rules, Charsmap::make(*blob));
    return NormalizeStep(std::move(rules));
  }
  return unsupported("the normaliser", type);
}

base::Status read_metaspace(const json::value& part, Pipeline& pipeline) {
  pipeline.blank = text_member(part, "replacement").value_or(pipeline.blank);
  if (pipeline.blank.empty() || pipeline.blank.size() > 16) return bad_json("a Metaspace without its replacement");
  pipeline.split_before_blank = true_member(part, "split", true);
  // Older files have a flag in place of the scheme.
  const std::string_view absent = true_member(part, "add_prefix_space", true) ? "always" : "never";
  const std::string_view scheme = text_member(part, "prepend_scheme").value_or(absent);
  if (scheme == "always")
    pipeline.prefix = BlankPrefix::Always;
  else if (scheme == "first")
    pipeline.prefix = BlankPrefix::First;
  else if (scheme == "never")
    pipeline.prefix = BlankPrefix::Never;
  else
    return unsupported("the prepend_scheme", scheme);
  return {};
}

base::Status read_pre_tokenizers(const json::value& root, Pipeline& pipeline) {
  bool metaspace = false;
  for (const json::value* part : parts_of(member(root, "pre_tokenizer"), "pretokenizers")) {
    const std::string_view type = text_member(*part, "type").value_or("");
    if (type == "WhitespaceSplit" && !metaspace) {
      pipeline.split_at_blanks = true;
    } else if (type == "Metaspace" && !metaspace) {
      FM_TRY(read_metaspace(*part, pipeline));
      metaspace = true;
    } else {
      return unsupported("the pre-tokeniser", type);
    }
  }
  if (!metaspace) return bad_json("no pre-tokeniser \"Metaspace\"", kUseOther);
  return {};
}

base::Status read_added_tokens(const json::value& root, std::size_t pieces, Pipeline& pipeline) {
  const json::value* list = member(root, "added_tokens");
  if (list == nullptr) return {};
  if (!list->is_array() || list->get_array().size() > kAddedTokensMax)
    return bad_json(fmt::format("added_tokens is not a list of at most {}", kAddedTokensMax));
  for (const json::value& each : list->get_array()) {
    const auto text = text_member(each, "content");
    const auto id = id_member(each, "id");
    if (!text || text->empty() || text->size() > kPieceBytesMax || !id)
      return bad_json("an added token without its content or id");
    if (static_cast<std::size_t>(*id) >= pieces)
      return bad_json(fmt::format("added token \"{}\" has id {}, but ids are 0 to {}", base::clean_text(*text, 40), *id,
                                  pieces - 1));
    if (true_member(each, "single_word") || true_member(each, "normalized"))
      return unsupported("single_word or normalized of the added token", *text);
    pipeline.added.push_back({std::string(*text), *id, true_member(each, "lstrip"), true_member(each, "rstrip")});
  }
  return {};
}

// {"single": ["$A", the end token], "special_tokens": {name: {"ids": [id]}}}
base::Status read_end_token(const json::value& root, std::size_t pieces, Pipeline& pipeline) {
  const json::value* processor = member(root, "post_processor");
  const json::value* single = processor == nullptr ? nullptr : member(*processor, "single");
  if (single == nullptr || text_member(*processor, "type") != "TemplateProcessing" || !single->is_array() ||
      single->get_array().size() != 2 || member(single->get_array()[0], "Sequence") == nullptr)
    return bad_json("its post-processor does not add just an end token", kUseOther);
  const json::value* token = member(single->get_array()[1], "SpecialToken");
  const auto name = token == nullptr ? std::nullopt : text_member(*token, "id");
  const json::value* specials = member(*processor, "special_tokens");
  const json::value* special = !name || specials == nullptr ? nullptr : member(*specials, *name);
  const json::value* ids = special == nullptr ? nullptr : member(*special, "ids");
  if (ids == nullptr || !ids->is_array() || ids->get_array().size() != 1 || !ids->get_array()[0].is_int64())
    return bad_json("its post-processor does not say which id the end token has", kUseOther);
  const std::int64_t id = ids->get_array()[0].get_int64();
  if (id < 0 || static_cast<std::size_t>(id) >= pieces)
    return bad_json(fmt::format("the end token has id {}, but ids are 0 to {}", id, pieces - 1));
  pipeline.end_id = static_cast<int>(id);
  return {};
}

base::Result<std::vector<Piece>> read_vocabulary(const json::value& model) {
  const json::value* list = member(model, "vocab");
  if (list == nullptr || !list->is_array()) return bad_json("no list model.vocab");
  std::vector<Piece> pieces;
  for (const json::value& each : list->get_array()) {
    const json::array* pair = each.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_number())
      return bad_json(fmt::format("piece {} is not a text and a number", pieces.size()));
    if (pieces.size() >= kPiecesMax) return bad_json(fmt::format("more than {} pieces", kPiecesMax));
    const json::string& text = (*pair)[0].get_string();
    pieces.push_back({std::string(text.data(), text.size()), (*pair)[1].to_number<double>(), PieceKind::Normal});
  }
  return pieces;
}

base::Result<std::unique_ptr<const Segmenter>> read_root(const json::value& root) {
  const json::value* model = member(root, "model");
  if (model == nullptr) return bad_json("no model");
  if (const auto type = text_member(*model, "type").value_or("Unigram"); type != "Unigram")
    return unsupported("the model", type);
  FM_ASSIGN(std::vector<Piece> pieces, read_vocabulary(*model));
  const auto unknown = id_member(*model, "unk_id");
  if (!unknown) return bad_json("no model.unk_id");
  FM_ASSIGN(
      Unigram unigram,
      Unigram::make(pieces, *unknown, {.byte_fallback = true_member(*model, "byte_fallback"), .duplicates = true}));
  Pipeline pipeline;
  const auto normalizers = parts_of(member(root, "normalizer"), "normalizers");
  if (normalizers.size() > kStepsMax) return bad_json(fmt::format("more than {} normalisers", kStepsMax));
  for (const json::value* part : normalizers) {
    FM_ASSIGN(NormalizeStep step, read_normalize_step(*part));
    pipeline.normalize.push_back(std::move(step));
  }
  FM_TRY(read_pre_tokenizers(root, pipeline));
  FM_TRY(read_added_tokens(root, pieces.size(), pipeline));
  FM_TRY(read_end_token(root, pieces.size(), pipeline));
  return std::unique_ptr<const Segmenter>(std::make_unique<PipelineSegmenter>(std::move(pipeline), std::move(unigram)));
}

}  // namespace

base::Result<std::unique_ptr<const Segmenter>> read_tokenizer_json(std::string_view file) {
  BoundedMemory bounded;
  try {
    json::monotonic_resource memory(std::size_t{64} * 1024, &bounded);
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    json::error_code error;
    const json::value root = json::parse(file, error, &memory, options);
    if (error) return bad_json("not valid JSON: " + error.message());
    return read_root(root);
  } catch (const std::bad_alloc&) {
    return bad_json(fmt::format("takes more than {} MiB of memory", kJsonMemoryBytesMax / 1024 / 1024));
  }
}

}  // namespace framemill::models
