#include "jobs/spec_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "jobs/nearest.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {

void SpecErrors::add(std::string code, const SpecPosition& at, std::string field, std::string message,
                     std::string expected, std::string suggestion) {
  add({"spec." + std::move(code), at.line, at.column, std::move(field), std::move(message), std::move(expected),
       std::move(suggestion)});
}

void SpecErrors::add(SpecError error) {
  if (list_.size() + 1 < kSpecErrorsMax)
    list_.push_back(std::move(error));
  else if (list_.size() + 1 == kSpecErrorsMax)
    list_.push_back({"spec.too_many_errors", {}, {}, "", "there are more errors than are told here", "", ""});
}

std::string TableReader::field(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : fmt::format("{}.{}", path_, key);
}

SpecPosition TableReader::position(std::string_view key) const {
  const SpecNode* value = table_.find(key.substr(0, key.find('[')));
  return value == nullptr ? table_.position : value->position;
}

void TableReader::fail(std::string_view key, std::string code, std::string message, std::string expected,
                       std::string suggestion) const {
  errors_.add(std::move(code), position(key), field(key), std::move(message), std::move(expected),
              std::move(suggestion));
}

const SpecNode* TableReader::take(std::string_view key) {
  known_.emplace_back(key);
  return table_.find(key);
}

void TableReader::require(std::string_view key, std::string_view expected) {
  if (!has(key)) fail(key, "missing_key", fmt::format("\"{}\" is missing", key), std::string(expected));
}

void TableReader::wrong_type(std::string_view key, const SpecNode& value, std::string_view expected) const {
  fail(key, "wrong_type", fmt::format("this is {}", jobs::name(value.type)), std::string(expected));
}

std::optional<std::string> TableReader::text_of(const SpecNode& value, std::string_view key, TextRule rule) const {
  const bool is_text = value.type == SpecNode::Type::String;
  if (!is_text && !value.raw) {
    wrong_type(key, value, "a string");
    return std::nullopt;
  }
  const std::string& text = is_text ? value.text : *value.raw;
  if (text.size() > kSpecStringBytesMax) {
    fail(key, "too_large", fmt::format("a string of more than {} bytes", kSpecStringBytesMax));
  } else if (!is_utf8(text)) {
    fail(key, "bad_utf8", "the string is not well-formed UTF-8");
  } else if (has_control(text, rule == TextRule::Prose)) {
    fail(key, "control_character", "the string holds a control character");
  } else if (rule == TextRule::Word && !is_safe_word(text)) {
    fail(key, "bad_name", fmt::format("\"{}\" is not safe in a file name", printable(text)),
         "letters, digits, \"_\", \".\" and \"-\", not first \".\" or \"-\", at most 64");
  } else {
    return text;
  }
  return std::nullopt;
}

std::optional<std::string> TableReader::text(std::string_view key, TextRule rule) {
  const SpecNode* value = take(key);
  return value == nullptr ? std::nullopt : text_of(*value, key, rule);
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const SpecNode* value = take(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("an integer, {} to {}", min, max);
  if (value->type == SpecNode::Type::Float && std::abs(value->real) > 9e18) {  // more than an integer can hold
    fail(key, "out_of_range", "the number is too large", expected);
  } else if (value->type != SpecNode::Type::Integer) {
    wrong_type(key, *value, expected);
  } else if (value->integer < min || value->integer > max) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", value->integer, min, max), expected);
  } else {
    return value->integer;
  }
  return std::nullopt;
}

std::optional<double> TableReader::number(std::string_view key, double min, double max) {
  const SpecNode* value = take(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("a number, {} to {}", min, max);
  if (value->type != SpecNode::Type::Integer && value->type != SpecNode::Type::Float) {
    wrong_type(key, *value, expected);
    return std::nullopt;
  }
  const double number = value->type == SpecNode::Type::Integer ? static_cast<double>(value->integer) : value->real;
  if (std::isfinite(number) && number >= min && number <= max) return number;
  fail(key, "out_of_range", fmt::format("{} is not in {} to {}", number, min, max), expected);
  return std::nullopt;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key, TextRule rule, std::size_t count_max) {
  const SpecNode* value = array(key, count_max);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    auto item = text_of(value->items[i], fmt::format("{}[{}]", key, i), rule);
    if (item) out.push_back(std::move(*item));
  }
  return out;
}

std::optional<FrameSet> TableReader::frames(std::string_view key) {
  const SpecNode* value = take(key);
  if (value == nullptr) return std::nullopt;
  std::string written = value->text;
  if (value->type == SpecNode::Type::Integer) {
    written = fmt::format("{}", value->integer);  // one frame may be written as a number
  } else if (value->type != SpecNode::Type::String) {
    if (!value->raw) {
      wrong_type(key, *value, "frames such as \"1001-1096\"");
      return std::nullopt;
    }
    written = *value->raw;
  }
  auto frames = FrameSet::parse(written);
  if (frames.ok()) return std::move(*frames);
  const base::Error& error = frames.error();
  const std::string code = error.code == "frames.colon"            ? "colon_frames"
                           : error.code == "frames.too_many"       ? "too_many_frames"
                           : error.code == "frames.too_many_spans" ? "too_fragmented"
                                                                   : "bad_frames";
  fail(key, code, error.message, "1001-1096, 1-10x2 or 1,5,9-12", error.hint);
  return std::nullopt;
}

std::optional<FrameSpan> TableReader::frame_span(std::string_view key) {
  const auto set = frames(key);
  if (!set) return std::nullopt;
  if (set->spans().size() == 1 && set->spans().front().step == 1) return set->spans().front();
  fail(key, "bad_frames", "a range has no gaps", "first-last, as in 1001-1096",
       fmt::format("{}-{}", set->first(), set->last()));
  return std::nullopt;
}

std::optional<std::uint64_t> TableReader::size(std::string_view key) {
  const auto written = text(key, TextRule::Line);
  if (!written) return std::nullopt;
  if (const auto bytes = parse_size(*written)) return bytes;
  fail(key, "bad_size", fmt::format("\"{}\" is not a size", printable(*written)),
       "a whole number and B, KiB, MiB, GiB or TiB");
  return std::nullopt;
}

std::optional<std::size_t> TableReader::choice(std::string_view key, const std::vector<std::string_view>& words) {
  const auto written = text(key, TextRule::Line);
  if (!written) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *written);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  // Letters alone would make "cpu" of it.
  const bool means_cuda = *written == "gpu" && std::find(words.begin(), words.end(), "cuda") != words.end();
  fail(key, "unknown_value", fmt::format("\"{}\" is not a legal value", printable(*written)),
       fmt::format("{}", fmt::join(words, ", ")),
       means_cuda ? "cuda" : nearest(*written, {words.begin(), words.end()}));
  return std::nullopt;
}

const SpecNode* TableReader::table(std::string_view key) {
  const SpecNode* value = take(key);
  if (value == nullptr || value->type == SpecNode::Type::Table) return value;
  wrong_type(key, *value, "a table");
  return nullptr;
}

const SpecNode* TableReader::array(std::string_view key, std::size_t count_max) {
  const SpecNode* value = take(key);
  if (value == nullptr) return nullptr;
  if (value->type != SpecNode::Type::Array) {
    wrong_type(key, *value, "an array");
    return nullptr;
  }
  if (value->items.size() <= count_max) return value;
  fail(key, "too_large", fmt::format("{} elements; at most {}", value->items.size(), count_max));
  return nullptr;
}

void TableReader::finish(const std::vector<std::pair<std::string_view, std::string_view>>& elsewhere) {
  for (const auto& [key, value] : table_.members) {
    if (errors_.full()) return;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto other = std::find_if(elsewhere.begin(), elsewhere.end(), [&](const auto& e) { return e.first == key; });
    const std::string shown = printable(key);
    if (other != elsewhere.end())
      errors_.add("key_not_for_kind", value.position, field(shown),
                  fmt::format("\"{}\" is a key of {} layers", shown, other->second));
    else
      errors_.add("unknown_key", value.position, field(shown), fmt::format("there is no key \"{}\" here", shown), "",
                  nearest(key, known_));
  }
}

}  // namespace framemill::jobs
