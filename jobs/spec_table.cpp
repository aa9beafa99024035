#include "jobs/spec_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/unicode.h"
#include "jobs/other_names.h"

namespace framemill::jobs {
namespace {

// Frames with a dash, blanks or dots of another kind, as they are to be written; empty when that is not the fault.
std::string frames_meant(std::string_view written) {
  std::string out;
  for (std::string_view rest = written.substr(0, 256); !rest.empty();) {
    const auto next = base::first_code_point(rest);
    if (!next) return {};
    const std::string character = base::folded(rest.substr(0, next->bytes));
    const bool is_dash = next->value >= 0x2010 && next->value <= 0x2015;
    if (is_dash || next->value == 0x2212)
      out += '-';
    else if (rest.starts_with(".."))
      out += '-', rest.remove_prefix(1);
    else if (base::class_of(next->value) != base::CharacterClass::Space)
      out += character;
    rest.remove_prefix(next->bytes);
  }
  if (const std::size_t to = out.find("to"); to != std::string::npos) out.replace(to, 2, "-");
  return out != written && FrameSet::parse(out).ok() ? out : std::string();
}

// Frames given as a list of numbers, or as a table of first and last, as they are to be written; else empty.
std::string frames_of_parts(const Node& value) {
  std::string out;
  if (value.type == Node::Type::Array && value.items.size() <= 32)
    for (const Node& item : value.items) {
      if (item.type != Node::Type::Integer) return {};
      out += fmt::format("{}{}", out.empty() ? "" : ",", item.integer);
    }
  if (value.type == Node::Type::Table && value.members.size() == 2) {
    const Node &one = value.members[0].second, &other = value.members[1].second;
    if (one.type == Node::Type::Integer && other.type == Node::Type::Integer)
      out = fmt::format("{}-{}", std::min(one.integer, other.integer), std::max(one.integer, other.integer));
  }
  return out;
}

}  // namespace

std::optional<FrameSet> SpecTable::frames(std::string_view key) {
  const Node* value = take(key);
  if (value == nullptr) return std::nullopt;
  std::string written = value->text;
  if (value->type == Node::Type::Integer) {
    written = fmt::format("{}", value->integer);  // one frame may be written as a number
  } else if (value->type != Node::Type::String && value->type != Node::Type::BigInteger) {
    if (!value->raw) {
      const std::string listed = frames_of_parts(*value);
      wrong_type(key, *value, "frames such as \"1001-1096\"",
                 listed.empty() ? as_string(key, *value) : quoted_form(key, listed, findings().language()));
      return std::nullopt;
    }
    written = *value->raw;
  }
  if (const auto forbidden = forbidden_character(written, TextRule::Line)) {
    fail_forbidden(key, written, *forbidden);
    return std::nullopt;
  }
  auto frames = FrameSet::parse(written);
  if (frames.ok()) return std::move(*frames);
  const base::Error& error = frames.error();
  const std::string code = error.code == "frames.colon"            ? "colon_frames"
                           : error.code == "frames.too_many"       ? "too_many_frames"
                           : error.code == "frames.too_many_spans" ? "too_fragmented"
                                                                   : "bad_frames";
  const std::string meant = frames_meant(written);
  const std::string form = value->mend ? quoted_form(key, meant, findings().language()) : meant;
  fail(key, code, error.message, "1001-1096, 1-10x2 or 1,5,9-12",
       meant.empty() ? error.hint : fmt::format("write {}", form));
  return std::nullopt;
}

std::optional<FrameSpan> SpecTable::frame_span(std::string_view key) {
  const auto set = frames(key);
  if (!set) return std::nullopt;
  if (set->spans().size() == 1 && set->spans().front().step == 1) return set->spans().front();
  fail(key, "bad_frames", "a range has no gaps", "first-last, as in 1001-1096",
       fmt::format("{}-{}", set->first(), set->last()));
  return std::nullopt;
}

std::string SpecTable::suggested_key(std::string_view key, const std::vector<std::string>& known) const {
  return jobs::suggested_key(key, known);
}
std::string SpecTable::suggested_word(std::string_view word, const std::vector<std::string>& words) const {
  return jobs::suggested_word(word, words);
}

std::string SpecTable::as_array(std::string_view key, const Node& value) const {
  if (key == "layer") return "write [[layer]], with two brackets, before the keys of each layer";
  if (key != "input" && (key != "argv" || value.type != Node::Type::String))
    return config::TableReader::as_array(key, value);
  if (value.type != Node::Type::String || value.text.empty() || value.text.size() > 200) return {};
  if (key == "argv") return split_as_array(key, value.text, value.text.find(',') == std::string::npos ? " " : ",");
  if (findings().language() == Language::Json) return {};
  return is_safe_word(value.text) && value.text.find('.') == std::string::npos
             ? fmt::format("input = [{{layer = \"{}\"}}]", value.text)
             : "input = [{root = \"main\", pattern = \"plates/x.{frame:04}.exr\", frames = \"1001-1096\"}]";
}

}  // namespace framemill::jobs
