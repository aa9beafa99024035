#include "config/table_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/text.h"
#include "base/unicode.h"
#include "base/units.h"

namespace framemill::config {
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

}  // namespace

void Findings::add(std::string code, const Position& at, std::string field, std::string message, std::string expected,
                   std::string suggestion) {
  add({std::move(code), at.line, at.column, std::move(field), std::move(message), std::move(expected),
       std::move(suggestion)});
}

void Findings::add(Finding finding) {
  if (list_.size() + 1 < kFindingsMax)
    list_.push_back(std::move(finding));
  else if (list_.size() + 1 == kFindingsMax)
    list_.push_back({"too_many_errors", {}, {}, "", "there are more errors; fix these first", "", ""});
}

bool Findings::add_quotes(std::string_view field, const Position& at) {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const Finding& each) { return each.field == field; });
  if (found == list_.end()) return false;
  for (const char* not_of_the_value : {"unknown_key", "key_not_for_kind", "wrong_type"})
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

void report_mends(const Node& node, const std::string& field, Findings& findings) {
  if (node.mend && !findings.add_quotes(field, node.position))
    findings.add("unquoted", node.position, field, advice(*node.mend, findings.language()));
  for (std::size_t i = 0; i < node.items.size(); ++i)
    report_mends(node.items[i], fmt::format("{}[{}]", field, i), findings);
  for (const auto& [key, member] : node.members)
    report_mends(member, field.empty() ? key : field + "." + key, findings);
}

std::vector<std::string> TableReader::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, value] : table_.members) out.push_back(key);
  return out;
}

std::string TableReader::field(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : fmt::format("{}.{}", path_, key);
}

Position TableReader::position(std::string_view key) const {
  const Node* value = table_.find(key.substr(0, key.find('[')));
  return value == nullptr ? table_.position : value->position;
}

void TableReader::fail(std::string_view key, std::string code, std::string message, std::string expected,
                       std::string suggestion) const {
  findings_.add(std::move(code), position(key), field(key), std::move(message), std::move(expected),
                std::move(suggestion));
}

const Node* TableReader::take(std::string_view key) {
  known_.emplace_back(key);
  return table_.find(key);
}

void TableReader::require(std::string_view key, std::string_view expected) {
  if (!has(key)) fail(key, "missing_key", fmt::format("\"{}\" is missing", key), std::string(expected));
}

void TableReader::wrong_type(std::string_view key, const Node& value, std::string_view expected,
                             std::string suggestion) const {
  const std::string shown = value.type == Node::Type::String ? value.text : value.written;
  const std::string what = value.mend      ? fmt::format("\"{}\" is not a value of this kind", printable(shown))
                           : shown.empty() ? fmt::format("this is {}", config::name(value.type))
                           : value.type == Node::Type::String
                               ? fmt::format("\"{}\" is a string", printable(shown))
                               : fmt::format("{} is {}", printable(shown), config::name(value.type));
  fail(key, "wrong_type", what, std::string(expected), std::move(suggestion));
}

void TableReader::fail_forbidden(std::string_view key, std::string_view text, std::string_view character) const {
  fail(key, "control_character", fmt::format("\"{}\" holds {}", printable(text), character), "visible characters",
       "delete this character, or replace it with an ordinary one");
}

std::string TableReader::as_string(std::string_view key, const Node& value) const {
  if (value.written.empty()) return {};
  const bool is_element = key.ends_with(']');
  return "write it in quotes: " +
         quoted_form(is_element ? std::string_view() : key, value.written, findings_.language());
}

std::optional<std::string> TableReader::text_of(const Node& value, std::string_view key, TextRule rule) const {
  const bool is_text = value.type == Node::Type::String;
  if (!is_text && !value.raw) {
    wrong_type(key, value, "a string", as_string(key, value));
    return std::nullopt;
  }
  const std::string& text = is_text ? value.text : *value.raw;
  if (text.size() > kStringBytesMax) {
    fail(key, "too_large", fmt::format("the string has {} bytes; the limit is {}", text.size(), kStringBytesMax));
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
  const Node* value = take(key);
  return value == nullptr ? std::nullopt : text_of(*value, key, rule);
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const Node* value = take(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("an integer, {} to {}", min, max);
  if (value->type == Node::Type::BigInteger) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->text), min, max), expected);
  } else if (value->type == Node::Type::Float && std::abs(value->real) > 9e18) {  // more than an integer can hold
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->written), min, max), expected);
  } else if (value->type != Node::Type::Integer) {
    const std::string meant = value->type == Node::Type::String ? number_meant(value->text) : std::string();
    wrong_type(key, *value, expected, meant.find('.') == std::string::npos ? meant : std::string());
  } else if (value->integer < min || value->integer > max) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", value->integer, min, max), expected);
  } else {
    return value->integer;
  }
  return std::nullopt;
}

std::optional<double> TableReader::number(std::string_view key, double min, double max) {
  const Node* value = take(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("a number, {} to {}", min, max);
  if (value->type == Node::Type::BigInteger) {
    fail(key, "out_of_range", fmt::format("{} is not in {} to {}", printable(value->text), min, max), expected);
    return std::nullopt;
  }
  if (value->type != Node::Type::Integer && value->type != Node::Type::Float) {
    wrong_type(key, *value, expected, value->type == Node::Type::String ? number_meant(value->text) : std::string());
    return std::nullopt;
  }
  const double number = value->type == Node::Type::Integer ? static_cast<double>(value->integer) : value->real;
  if (std::isfinite(number) && number >= min && number <= max) return number;
  fail(key, "out_of_range", fmt::format("{} is not in {} to {}", number, min, max), expected);
  return std::nullopt;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key, TextRule rule, std::size_t count_max) {
  const Node* value = array(key, count_max);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    auto item = text_of(value->items[i], fmt::format("{}[{}]", key, i), rule);
    if (item) out.push_back(std::move(*item));
  }
  return out;
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

const Node* TableReader::table(std::string_view key) {
  const Node* value = take(key);
  if (value == nullptr || value->type == Node::Type::Table) return value;
  std::string meant;
  if (value->raw) {
    // What the command line's quotes took away.
    const std::string text = "v = " + *value->raw;
    meant = mended(text, find_mends(text, Language::Toml)).substr(4);
    meant = meant == *value->raw ? std::string() : fmt::format("write '{}={}'", key, printable(meant));
  }
  wrong_type(key, *value, "a table", std::move(meant));
  return nullptr;
}

std::string TableReader::suggested_key(std::string_view key, const std::vector<std::string>& known) const {
  return base::nearest(key, known);
}
std::string TableReader::suggested_word(std::string_view word, const std::vector<std::string>& words) const {
  return base::nearest(word, words);
}

std::string TableReader::as_array(std::string_view key, const Node& value) const {
  if (value.type == Node::Type::Table)
    return fmt::format("write [[{0}]], with two brackets, before the keys of each {0}", key);
  return value.type == Node::Type::String ? split_as_array(key, value.text, ",") : std::string();
}

std::string TableReader::split_as_array(std::string_view key, std::string_view value,
                                        std::string_view separators) const {
  if (value.empty() || value.size() > 200) return {};
  if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);
  std::string out;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(separators), value.size());
    std::string_view item = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out += (out.empty() ? "" : ", ") + quoted_form("", item, findings_.language());
  }
  return findings_.language() == Language::Json ? fmt::format("\"{}\": [{}]", key, out)
                                                : fmt::format("{} = [{}]", key, out);
}

const Node* TableReader::array(std::string_view key, std::size_t count_max) {
  const Node* value = take(key);
  if (value == nullptr) return nullptr;
  if (value->type != Node::Type::Array) {
    wrong_type(key, *value, "an array", as_array(key, *value));
    return nullptr;
  }
  if (value->items.size() <= count_max) return value;
  fail(key, "too_large", fmt::format("{} elements; the limit is {}", value->items.size(), count_max));
  return nullptr;
}

void TableReader::finish(const std::vector<std::pair<std::string_view, std::string_view>>& elsewhere) {
  for (const auto& [key, value] : table_.members) {
    if (findings_.full()) return;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto other = std::find_if(elsewhere.begin(), elsewhere.end(), [&](const auto& e) { return e.first == key; });
    const std::string shown = printable(key);
    if (other != elsewhere.end())
      findings_.add("key_not_for_kind", value.position, field(shown),
                    fmt::format("\"{}\" is a key of {} layers", shown, other->second));
    else
      findings_.add("unknown_key", value.position, field(shown), fmt::format("unknown key \"{}\"", shown), "",
                    suggested_key(key, known_));
  }
}

}  // namespace framemill::config
