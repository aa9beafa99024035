#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/rfc3339.h"
#include "base/units.h"
#include "config/encoding.h"
#include "config/table_reader.h"

namespace framemill::config {

class SettingsReader : public TableReader {
 public:
  SettingsReader(const Node& table, std::string path, Findings& findings, const SettingsForm& form)
      : TableReader(table, std::move(path), findings), form_(form) {}

  SettingsReader inner(const Node& table, std::string path) const {
    return SettingsReader(table, std::move(path), findings(), form_);
  }

 private:
  std::string suggested_key(std::string_view key, const std::vector<std::string>& known) const override {
    return suggested_word(key, known);
  }
  std::string suggested_word(std::string_view word, const std::vector<std::string>& words) const override {
    for (const OtherName& name : form_.other_names)
      if (name.other == word && std::find(words.begin(), words.end(), name.ours) != words.end())
        return std::string(name.ours);
    return base::nearest(word, words);
  }

  const SettingsForm& form_;
};

namespace {

constexpr std::size_t kSettingsListMax = 1024;

std::string code_of(const Finding& finding, const SettingsForm& form) {
  return form.code.empty() ? fmt::format("{}.{}", form.code_prefix, finding.code) : form.code;
}

// What to do about a mistake, for people; empty where its message says it.
std::string advice_of(const Finding& error, const SettingsForm& form) {
  if (!error.suggestion.empty()) {
    const bool is_word = error.suggestion.find(' ') == std::string::npos;
    return is_word ? base::did_you_mean(error.suggestion) : error.suggestion;
  }
  if (error.code == "unknown_key") return form.unknown_key_hint;
  const bool is_told = error.code == "bad_utf8" || error.message.find("is not in ") != std::string::npos;
  return is_told ? std::string() : error.expected;
}

// One mistake in a line of its own. A field is named where the message does not show it anyway.
std::string line_of(const Finding& error) {
  const bool has_place = error.message.starts_with("line ");
  std::string out = error.line && !has_place ? fmt::format("line {}: ", *error.line) : std::string();
  const bool names_key = error.code == "unquoted" || error.code == "duplicate_key" ||
                         error.message.find(fmt::format("\"{}\"", error.field)) != std::string::npos;
  if (!error.field.empty() && !names_key) out += error.field + ": ";
  return out + error.message;
}

// What the reader says of a secret would show it; what its owner says (a code of its own) does not.
void hide_secrets(Finding& error, const SettingsForm& form) {
  const std::string_view key = std::string_view(error.field).substr(error.field.rfind('.') + 1);
  if (std::find(form.secrets.begin(), form.secrets.end(), key) == form.secrets.end()) return;
  for (const char* code : {"unquoted", "wrong_type", "control_character", "bad_utf8"})
    if (error.code == code) {
      error.message = fmt::format("{} is a string in plain double quotes", key);
      error.suggestion = error.expected = "";
    }
}

base::Error settings_error(std::vector<Finding> errors, const SettingsForm& form) {
  std::stable_sort(errors.begin(), errors.end(), [](const Finding& a, const Finding& b) {
    return a.line && b.line ? *a.line < *b.line : a.line.has_value() && !b.line.has_value();
  });
  for (Finding& error : errors) hide_secrets(error, form);
  const Finding& first = errors.front();
  if (errors.size() == 1) return {code_of(first, form), line_of(first), first.field, advice_of(first, form)};
  std::string message = fmt::format("{} mistakes", errors.size());
  for (const Finding& error : errors) {
    const std::string advice = advice_of(error, form);
    message += "\n  " + line_of(error) + (advice.empty() ? "" : fmt::format(" ({})", advice));
  }
  return {code_of(first, form), std::move(message), first.field, ""};
}

}  // namespace

void SettingsTable::text(std::string_view key, std::string& out, Empty empty) {
  auto value = table_.text(key, TextRule::Line);
  if (value && value->empty() && empty == Empty::Refused)
    table_.fail(key, "out_of_range", "the string is empty");
  else if (value)
    out = std::move(*value);
}

void SettingsTable::prose(std::string_view key, std::string& out, std::size_t bytes_max) {
  auto value = table_.text(key, TextRule::Prose);
  if (!value) return;
  if (value->empty())
    table_.fail(key, "out_of_range", "the string is empty");
  else if (value->size() > bytes_max)
    table_.fail(key, "out_of_range", fmt::format("the string has {} bytes; the limit is {}", value->size(), bytes_max));
  else
    out = std::move(*value);
}

void SettingsTable::name(std::string_view key, std::string& out) {
  if (auto value = table_.text(key, TextRule::Word)) out = std::move(*value);
}

void SettingsTable::word(std::string_view key, std::string& out, std::initializer_list<std::string_view> words) {
  if (const auto index = table_.choice(key, words)) out = *(words.begin() + *index);
}

std::optional<std::size_t> SettingsTable::choice(std::string_view key, const std::vector<std::string_view>& words) {
  return table_.choice(key, words);
}

void SettingsTable::flag(std::string_view key, bool& out) {
  const Node* value = table_.take(key);
  if (value == nullptr) return;
  if (value->type == Node::Type::Bool)
    out = value->boolean;
  else
    table_.fail(key, "wrong_type", fmt::format("this is {}", config::name(value->type)),
                "true or false, without quotes");
}

std::optional<std::int64_t> SettingsTable::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  return table_.integer(key, least, most);
}

std::optional<double> SettingsTable::number(std::string_view key, double least, double most) {
  return table_.number(key, least, most);
}

void SettingsTable::duration(std::string_view key, base::Duration& out, base::Duration least, base::Duration most) {
  const auto written = table_.text(key, TextRule::Line);
  if (!written) return;
  const auto value = base::parse_duration(*written);
  if (!value)
    table_.fail(key, "bad_duration", fmt::format("\"{}\" is not a duration", printable(*written)),
                "a whole number and ms, s, m or h, such as \"90s\" or \"5m\"", base::duration_meant(*written));
  else if (*value < least || *value > most)
    table_.fail(key, "out_of_range",
                fmt::format("{} is not in {} to {}", *written, base::duration_text(least), base::duration_text(most)));
  else
    out = *value;
}

void SettingsTable::size(std::string_view key, std::uint64_t& out) {
  const auto value = table_.size(key);
  if (value && *value == 0)
    table_.fail(key, "out_of_range", "a size of 0", "a size such as \"512MiB\" or \"8GiB\"");
  else if (value)
    out = *value;
}

void SettingsTable::moment(std::string_view key, std::optional<base::WallTime>& out) {
  const Node* value = table_.take(key);
  if (value == nullptr) return;
  out = value->type == Node::Type::DateTime ? base::parse_rfc3339(value->text) : std::nullopt;
  if (!out)
    table_.fail(key, "bad_deadline",
                value->written.empty() ? fmt::format("this is {}", config::name(value->type))
                                       : fmt::format("{} is not a time with an offset", printable(value->written)),
                "a time with an offset, without quotes, as 2027-01-31T00:00:00Z");
}

void SettingsTable::texts(std::string_view key, std::vector<std::string>& out) {
  auto values = table_.texts(key, TextRule::Line, kSettingsListMax);
  if (!values) return;
  for (std::size_t i = 0; i < values->size(); ++i)
    if ((*values)[i].empty()) table_.fail(fmt::format("{}[{}]", key, i), "out_of_range", "the string is empty");
  out = std::move(*values);
}

void SettingsTable::numbers(std::string_view key, std::vector<int>& out, int most) {
  const Node* list = table_.array(key, kSettingsListMax);
  if (list == nullptr) return;
  out.clear();
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    if (item.type == Node::Type::Integer && item.integer >= 0 && item.integer <= most)
      out.push_back(static_cast<int>(item.integer));
    else
      table_.fail(
          fmt::format("{}[{}]", key, i), "out_of_range",
          fmt::format("{} is not a number from 0 to {}",
                      item.written.empty() ? std::string(config::name(item.type)) : printable(item.written), most));
  }
  if (list->items.empty()) table_.fail(key, "out_of_range", "the list is empty");
}

void SettingsTable::decimals(std::string_view key, std::vector<double>& out) {
  const Node* list = table_.array(key, kSettingsListMax);
  if (list == nullptr) return;
  out.clear();
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    if (item.type == Node::Type::Integer)
      out.push_back(static_cast<double>(item.integer));
    else if (item.type == Node::Type::Float && std::isfinite(item.real))
      out.push_back(item.real);
    else
      table_.fail(fmt::format("{}[{}]", key, i), "wrong_type", fmt::format("this is {}", config::name(item.type)),
                  "a finite number");
  }
}

void SettingsTable::flags(std::string_view key, std::vector<bool>& out) {
  const Node* list = table_.array(key, kSettingsListMax);
  if (list == nullptr) return;
  out.clear();
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    if (item.type == Node::Type::Bool)
      out.push_back(item.boolean);
    else
      table_.fail(fmt::format("{}[{}]", key, i), "wrong_type", fmt::format("this is {}", config::name(item.type)),
                  "true or false, without quotes");
  }
}

void SettingsTable::lists(std::string_view key, std::size_t count_max, std::vector<std::vector<std::string>>& out) {
  const Node* list = table_.array(key, count_max);
  for (std::size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const std::string item_key = fmt::format("{}[{}]", key, i);
    if (item.type != Node::Type::Array) {
      table_.fail(item_key, "wrong_type", fmt::format("this is {}", config::name(item.type)), "an array of strings");
      continue;
    }
    std::vector<std::string>& words = out.emplace_back();
    for (std::size_t j = 0; j < item.items.size(); ++j)
      if (auto word = table_.text_of(item.items[j], fmt::format("{}[{}]", item_key, j), TextRule::Line))
        words.push_back(std::move(*word));
  }
}

void SettingsTable::table(std::string_view key, const ReadTable& read) {
  const Node* value = table_.table(key);
  if (value == nullptr) return;
  SettingsReader inner = table_.inner(*value, table_.field(key));
  SettingsTable settings(inner);
  read(settings);
  inner.finish();
}

void SettingsTable::tables(std::string_view key, std::size_t count_max, const ReadTable& read) {
  const Node* list = table_.array(key, count_max);
  for (std::size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const std::string field = table_.field(fmt::format("{}[{}]", key, i));
    if (item.type != Node::Type::Table) {
      table_.findings().add("wrong_type", item.position, field, fmt::format("this is {}", config::name(item.type)),
                            fmt::format("write [[{}]] before the keys of each", key));
      continue;
    }
    SettingsReader inner = table_.inner(item, field);
    SettingsTable settings(inner);
    read(settings);
    inner.finish();
  }
}

void SettingsTable::entries(std::string_view key, const ReadEntry& read) {
  const Node* value = table_.table(key);
  if (value == nullptr) return;
  SettingsReader inner = table_.inner(*value, table_.field(key));
  SettingsTable settings(inner);
  for (const auto& [name, node] : value->members) {
    inner.allow(name);
    if (is_safe_word(name))
      read(settings, name);
    else
      inner.fail(name, "bad_name", fmt::format("\"{}\" cannot be a name here: {}", printable(name), why_unsafe(name)),
                 "letters, digits, \"_\", \".\" and \"-\", not first \".\" or \"-\", at most 64");
  }
}

std::vector<std::string> SettingsTable::keys() const {
  return table_.keys();
}
bool SettingsTable::has(std::string_view key) const {
  return table_.has(key);
}
bool SettingsTable::is_table(std::string_view key) const {
  const Node* value = table_.value(key);
  return value != nullptr && value->type == Node::Type::Table;
}
void SettingsTable::require(std::string_view key, std::string_view expected) {
  table_.require(key, expected);
}
void SettingsTable::fail(std::string_view key, std::string code, std::string message, std::string expected) const {
  table_.fail(key, std::move(code), std::move(message), std::move(expected));
}

namespace {

// The tree, where there is one, and what was found wrong on the way to it.
std::optional<Node> read_tree(std::string_view text, const SettingsForm& form, Findings& findings) {
  if (text.size() > form.bytes_max) {
    findings.add("too_large", {}, "",
                 fmt::format("the file has {} bytes; the limit is {}", text.size(), form.bytes_max));
    return std::nullopt;
  }
  text = without_bom(text);
  if (auto error = encoding_error(text)) {
    findings.add(*std::move(error));
    return std::nullopt;
  }
  TreeResult tree = tree_from_toml(text, {form.lists, form.keys_max});
  if (tree.error) findings.add(std::move(*tree.error));
  for (Finding& finding : tree.findings) findings.add(std::move(finding));
  return std::move(tree.root);
}

}  // namespace

base::Status read_settings(std::string_view text, const SettingsForm& form, const SettingsTable::ReadTable& read) {
  Findings findings;
  if (const std::optional<Node> tree = read_tree(text, form, findings)) {
    SettingsReader root(*tree, "", findings, form);
    SettingsTable settings(root);
    read(settings);
    root.finish();
    report_mends(*tree, "", findings);
  }
  if (findings.empty()) return {};
  return settings_error(findings.take(), form);
}

base::Result<Node> settings_tree(std::string_view text, const SettingsForm& form) {
  Findings findings;
  std::optional<Node> tree = read_tree(text, form, findings);
  if (tree) report_mends(*tree, "", findings);
  if (!findings.empty()) return settings_error(findings.take(), form);
  return *std::move(tree);
}

std::string first_line(std::string_view message) {
  const std::size_t end = message.find('\n');
  if (end == std::string_view::npos) return std::string(message);
  const std::string_view rest = message.substr(end + 1);
  const std::size_t second = rest.find('\n');
  const auto more = std::count(rest.begin(), rest.end(), '\n');
  std::string_view line = rest.substr(0, second);
  while (line.starts_with(' ')) line.remove_prefix(1);
  // "FILE: 3 mistakes" keeps the file.
  const std::size_t file = message.substr(0, end).rfind(": ");
  const std::string head = file == std::string_view::npos ? "" : std::string(message.substr(0, file + 2));
  return fmt::format("{}{}{}", head, line, more > 0 ? fmt::format(" (and {} more)", more) : "");
}

}  // namespace framemill::config
