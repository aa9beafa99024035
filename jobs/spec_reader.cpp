#include "jobs/spec_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/unicode.h"
#include "base/units.h"
#include "jobs/other_names.h"

namespace framemill::jobs {
namespace {

// What a number that was written as a string was meant to be; empty when nobody can tell.
std::string number_meant(std::string text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 32) return {};
  if (text.find('.') == std::string::npos && std::count(text.begin(), text.end(), ',') == 1)
    text[text.find(',')] = '.';  // a decimal comma
  if (text.front() == '.') text.insert(0, "0");
  if (text.back() == '.') text += '0';
  const bool plain = std::all_of(text.begin(), text.end(), [&](char c) { return is_digit(c) || c == '.'; }) &&
                     std::count(text.begin(), text.end(), '.') <= 1;
  return plain ? fmt::format("write {}, without quotes", text) : std::string();
}

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
std::string frames_of_parts(const SpecNode& value) {
  std::string out;
  if (value.type == SpecNode::Type::Array && value.items.size() <= 32)
    for (const SpecNode& item : value.items) {
      if (item.type != SpecNode::Type::Integer) return {};
      out += fmt::format("{}{}", out.empty() ? "" : ",", item.integer);
    }
  if (value.type == SpecNode::Type::Table && value.members.size() == 2) {
    const SpecNode &one = value.members[0].second, &other = value.members[1].second;
    if (one.type == SpecNode::Type::Integer && other.type == SpecNode::Type::Integer)
      out = fmt::format("{}-{}", std::min(one.integer, other.integer), std::max(one.integer, other.integer));
  }
  return out;
}

}  // namespace

void SpecErrors::add(std::string code, const SpecPosition& at, std::string field, std::string message,
                     std::string expected, std::string suggestion) {
  add({"spec." + std::move(code), at.line, at.column, std::move(field), std::move(message), std::move(expected),
       std::move(suggestion)});
}

void SpecErrors::add(SpecError error) {
  if (list_.size() + 1 < kSpecErrorsMax)
    list_.push_back(std::move(error));
  else if (list_.size() + 1 == kSpecErrorsMax)
    list_.push_back({"spec.too_many_errors", {}, {}, "", "there are more errors; fix these first", "", ""});
}

bool SpecErrors::add_quotes(std::string_view field, const SpecPosition& at) {
  const auto found =
      std::find_if(list_.begin(), list_.end(), [&](const SpecError& error) { return error.field == field; });
  if (found == list_.end()) return false;
  for (const char* not_of_the_value : {"spec.unknown_key", "spec.key_not_for_kind", "spec.wrong_type"})
    if (found->code == not_of_the_value) return true;
  if (at.line) {
    found->line = at.line;
    found->column = at.column;
  }
  std::string& suggestion = found->suggestion;
  if (suggestion.empty())
    suggestion = "write the value in quotes";
  else if (suggestion.find(' ') == std::string::npos)
    suggestion = fmt::format("write \"{}\"", suggestion);
  else if (suggestion.starts_with("write ") && suggestion.find('"') == std::string::npos)
    suggestion += ", in quotes";
  return true;
}

void report_mends(const SpecNode& node, const std::string& field, SpecErrors& errors) {
  if (node.mend && !errors.add_quotes(field, node.position))
    errors.add("unquoted", node.position, field, advice(*node.mend, errors.language()));
  for (std::size_t i = 0; i < node.items.size(); ++i)
    report_mends(node.items[i], fmt::format("{}[{}]", field, i), errors);
  for (const auto& [key, member] : node.members) report_mends(member, field.empty() ? key : field + "." + key, errors);
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

void TableReader::wrong_type(std::string_view key, const SpecNode& value, std::string_view expected,
                             std::string suggestion) const {
  const std::string shown = value.type == SpecNode::Type::String ? value.text : value.written;
  const std::string what = value.mend      ? fmt::format("\"{}\" is not a value of this kind", printable(shown))
                           : shown.empty() ? fmt::format("this is {}", jobs::name(value.type))
                           : value.type == SpecNode::Type::String
                               ? fmt::format("\"{}\" is a string", printable(shown))
                               : fmt::format("{} is {}", printable(shown), jobs::name(value.type));
  fail(key, "wrong_type", what, std::string(expected), std::move(suggestion));
}

void TableReader::fail_forbidden(std::string_view key, std::string_view text, std::string_view character) const {
  fail(key, "control_character", fmt::format("\"{}\" holds {}", printable(text), character), "visible characters",
       "delete this character, or replace it with an ordinary one");
}

std::string TableReader::as_string(std::string_view key, const SpecNode& value) const {
  if (value.written.empty()) return {};
  const bool is_element = key.ends_with(']');
  return "write it in quotes: " + quoted_form(is_element ? std::string_view() : key, value.written, errors_.language());
}

std::optional<std::string> TableReader::text_of(const SpecNode& value, std::string_view key, TextRule rule) const {
  const bool is_text = value.type == SpecNode::Type::String;
  if (!is_text && !value.raw) {
    wrong_type(key, value, "a string", as_string(key, value));
    return std::nullopt;
  }
  const std::string& text = is_text ? value.text : *value.raw;
  if (text.size() > kSpecStringBytesMax) {
    fail(key, "too_large", fmt::format("the string has {} bytes; the limit is {}", text.size(), kSpecStringBytesMax));
  } else if (!base::is_utf8(text)) {
    fail(key, "bad_utf8", "the string is not well-formed UTF-8");
  } else if (const auto forbidden = forbidden_character(text, rule)) {
    fail_forbidden(key, text, *forbidden);
  } else if (rule == TextRule::Word && !is_safe_word(text)) {
    fail(key, "bad_name", fmt::format("\"{}\" is not safe in a file name: {}", printable(text), why_unsafe(text)),
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
  if (value->type == SpecNode::Type::BigInteger) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->text), min, max), expected);
  } else if (value->type == SpecNode::Type::Float && std::abs(value->real) > 9e18) {  // more than an integer can hold
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->written), min, max), expected);
  } else if (value->type != SpecNode::Type::Integer) {
    const std::string meant = value->type == SpecNode::Type::String ? number_meant(value->text) : std::string();
    wrong_type(key, *value, expected, meant.find('.') == std::string::npos ? meant : std::string());
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
  if (value->type == SpecNode::Type::BigInteger) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->text), min, max), expected);
    return std::nullopt;
  }
  if (value->type != SpecNode::Type::Integer && value->type != SpecNode::Type::Float) {
    wrong_type(key, *value, expected,
               value->type == SpecNode::Type::String ? number_meant(value->text) : std::string());
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
  } else if (value->type != SpecNode::Type::String && value->type != SpecNode::Type::BigInteger) {
    if (!value->raw) {
      const std::string listed = frames_of_parts(*value);
      wrong_type(key, *value, "frames such as \"1001-1096\"",
                 listed.empty() ? as_string(key, *value) : quoted_form(key, listed, errors_.language()));
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
  const std::string form = value->mend ? quoted_form(key, meant, errors_.language()) : meant;
  fail(key, code, error.message, "1001-1096, 1-10x2 or 1,5,9-12",
       meant.empty() ? error.hint : fmt::format("write {}", form));
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
  if (const auto bytes = base::parse_size(*written)) return bytes;
  fail(key, "bad_size", fmt::format("\"{}\" is not a size", printable(*written)),
       "a whole number and B, KiB, MiB, GiB or TiB", base::size_meant(*written));
  return std::nullopt;
}

std::optional<std::size_t> TableReader::choice(std::string_view key, const std::vector<std::string_view>& words) {
  const auto written = text(key, TextRule::Line);
  if (!written) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *written);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  fail(key, "unknown_value", fmt::format("\"{}\" is not a legal value", printable(*written)),
       fmt::format("{}", fmt::join(words, ", ")), suggested_word(*written, {words.begin(), words.end()}));
  return std::nullopt;
}

const SpecNode* TableReader::table(std::string_view key) {
  const SpecNode* value = take(key);
  if (value == nullptr || value->type == SpecNode::Type::Table) return value;
  std::string meant;
  if (value->raw) {
    // What the command line's quotes took away.
    const std::string text = "v = " + *value->raw;
    meant = mended(text, find_mends(text, SpecLanguage::Toml)).substr(4);
    meant = meant == *value->raw ? std::string() : fmt::format("write '{}={}'", key, printable(meant));
  }
  wrong_type(key, *value, "a table", std::move(meant));
  return nullptr;
}

std::string TableReader::as_array(std::string_view key, const SpecNode& value) const {
  if (key == "layer" || (value.type == SpecNode::Type::Table && key != "input"))
    return fmt::format("write [[{0}]], with two brackets, before the keys of each {0}", key);
  if (value.type != SpecNode::Type::String || value.text.empty() || value.text.size() > 200) return {};
  if (key == "input" && errors_.language() == SpecLanguage::Toml)
    return is_safe_word(value.text) && value.text.find('.') == std::string::npos
               ? fmt::format("input = [{{layer = \"{}\"}}]", value.text)
               : "input = [{root = \"main\", pattern = \"plates/x.{frame:04}.exr\", frames = \"1001-1096\"}]";
  if (key == "input") return {};
  std::string_view rest = value.text;
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  const std::string_view separators = key == "argv" && rest.find(',') == std::string_view::npos ? " " : ",";
  std::string out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
    std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out += (out.empty() ? "" : ", ") + quoted_form("", item, errors_.language());
  }
  return errors_.language() == SpecLanguage::Json ? fmt::format("\"{}\": [{}]", key, out)
                                                  : fmt::format("{} = [{}]", key, out);
}

const SpecNode* TableReader::array(std::string_view key, std::size_t count_max) {
  const SpecNode* value = take(key);
  if (value == nullptr) return nullptr;
  if (value->type != SpecNode::Type::Array) {
    wrong_type(key, *value, "an array", as_array(key, *value));
    return nullptr;
  }
  if (value->items.size() <= count_max) return value;
  fail(key, "too_large", fmt::format("{} elements; the limit is {}", value->items.size(), count_max));
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
      errors_.add("unknown_key", value.position, field(shown), fmt::format("unknown key \"{}\"", shown), "",
                  suggested_key(key, known_));
  }
}

}  // namespace framemill::jobs
