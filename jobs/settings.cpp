#include "jobs/settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "base/units.h"
#include "jobs/spec_encoding.h"
#include "jobs/spec_reader.h"

namespace framemill::jobs {
namespace {

constexpr std::size_t kSettingsListMax = 1024;

std::string with_prefix(const std::string& code, const std::string& prefix) {
  constexpr std::string_view kSpec = "spec.";
  return code.starts_with(kSpec) ? prefix + "." + code.substr(kSpec.size()) : code;
}

// What to do about a mistake, for people; empty where its message says it.
std::string advice_of(const SpecError& error, const SettingsForm& form) {
  if (!error.suggestion.empty()) {
    const bool is_word = error.suggestion.find(' ') == std::string::npos;
    return is_word ? fmt::format("did you mean \"{}\"?", error.suggestion) : error.suggestion;
  }
  if (error.code == "spec.unknown_key") return form.unknown_key_hint;
  const bool is_told = error.code == "spec.bad_utf8" || error.message.find("is not in ") != std::string::npos;
  return is_told ? std::string() : error.expected;
}

// One mistake in a line of its own. A field is named where the message does not show it anyway.
std::string line_of(const SpecError& error) {
  const bool has_place = error.message.starts_with("line ");
  std::string out = error.line && !has_place ? fmt::format("line {}: ", *error.line) : std::string();
  const bool names_key = error.code == "spec.unquoted" || error.code == "spec.duplicate_key" ||
                         error.message.find(fmt::format("\"{}\"", error.field)) != std::string::npos;
  if (!error.field.empty() && !names_key) out += error.field + ": ";
  return out + error.message;
}

// What the reader says of a secret would show it; what its owner says (a code of its own) does not.
void hide_secrets(SpecError& error, const SettingsForm& form) {
  const std::string_view key = std::string_view(error.field).substr(error.field.rfind('.') + 1);
  if (std::find(form.secrets.begin(), form.secrets.end(), key) == form.secrets.end()) return;
  for (const char* code : {"spec.unquoted", "spec.wrong_type", "spec.control_character", "spec.bad_utf8"})
    if (error.code == code) {
      error.message = fmt::format("{} is a string in plain double quotes", key);
      error.suggestion = error.expected = "";
    }
}

base::Error settings_error(std::vector<SpecError> errors, const SettingsForm& form) {
  std::stable_sort(errors.begin(), errors.end(), [](const SpecError& a, const SpecError& b) {
    return a.line && b.line ? *a.line < *b.line : a.line.has_value() && !b.line.has_value();
  });
  for (SpecError& error : errors) hide_secrets(error, form);
  const SpecError& first = errors.front();
  if (errors.size() == 1)
    return {with_prefix(first.code, form.code_prefix), line_of(first), first.field, advice_of(first, form)};
  std::string message = fmt::format("{} mistakes", errors.size());
  for (const SpecError& error : errors) {
    const std::string advice = advice_of(error, form);
    message += "\n  " + line_of(error) + (advice.empty() ? "" : fmt::format(" ({})", advice));
  }
  return {with_prefix(first.code, form.code_prefix), std::move(message), first.field, ""};
}

}  // namespace

void SettingsTable::text(std::string_view key, std::string& out, Empty empty) {
  auto value = table_.text(key, TextRule::Line);
  if (value && value->empty() && empty == Empty::Refused)
    table_.fail(key, "out_of_range", "the string is empty");
  else if (value)
    out = std::move(*value);
}

void SettingsTable::name(std::string_view key, std::string& out) {
  if (auto value = table_.text(key, TextRule::Word)) out = std::move(*value);
}

void SettingsTable::word(std::string_view key, std::string& out, std::initializer_list<std::string_view> words) {
  if (const auto index = table_.choice(key, words)) out = *(words.begin() + *index);
}

void SettingsTable::flag(std::string_view key, bool& out) {
  const SpecNode* value = table_.take(key);
  if (value == nullptr) return;
  if (value->type == SpecNode::Type::Bool)
    out = value->boolean;
  else
    table_.fail(key, "wrong_type", fmt::format("this is {}", jobs::name(value->type)), "true or false, without quotes");
}

std::optional<std::int64_t> SettingsTable::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  return table_.integer(key, least, most);
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
  const SpecNode* value = table_.take(key);
  if (value == nullptr) return;
  out = value->type == SpecNode::Type::DateTime ? base::parse_rfc3339(value->text) : std::nullopt;
  if (!out)
    table_.fail(key, "bad_deadline",
                value->written.empty() ? fmt::format("this is {}", jobs::name(value->type))
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
  const SpecNode* list = table_.array(key, kSettingsListMax);
  if (list == nullptr) return;
  out.clear();
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const SpecNode& item = list->items[i];
    if (item.type == SpecNode::Type::Integer && item.integer >= 0 && item.integer <= most)
      out.push_back(static_cast<int>(item.integer));
    else
      table_.fail(
          fmt::format("{}[{}]", key, i), "out_of_range",
          fmt::format("{} is not a number from 0 to {}",
                      item.written.empty() ? std::string(jobs::name(item.type)) : printable(item.written), most));
  }
  if (list->items.empty()) table_.fail(key, "out_of_range", "the list is empty");
}

void SettingsTable::table(std::string_view key, const ReadTable& read) {
  const SpecNode* value = table_.table(key);
  if (value == nullptr) return;
  TableReader inner(*value, table_.field(key), table_.errors());
  SettingsTable settings(inner);
  read(settings);
  inner.finish();
}

void SettingsTable::tables(std::string_view key, std::size_t count_max, const ReadTable& read) {
  const SpecNode* list = table_.array(key, count_max);
  for (std::size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
    const SpecNode& item = list->items[i];
    const std::string field = table_.field(fmt::format("{}[{}]", key, i));
    if (item.type != SpecNode::Type::Table) {
      table_.errors().add("wrong_type", item.position, field, fmt::format("this is {}", jobs::name(item.type)),
                          fmt::format("write [[{}]] before the keys of each", key));
      continue;
    }
    TableReader inner(item, field, table_.errors());
    SettingsTable settings(inner);
    read(settings);
    inner.finish();
  }
}

void SettingsTable::entries(std::string_view key, const ReadEntry& read) {
  const SpecNode* value = table_.table(key);
  if (value == nullptr) return;
  TableReader inner(*value, table_.field(key), table_.errors());
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

bool SettingsTable::has(std::string_view key) const {
  return table_.has(key);
}
bool SettingsTable::is_table(std::string_view key) const {
  const SpecNode* value = table_.value(key);
  return value != nullptr && value->type == SpecNode::Type::Table;
}
void SettingsTable::require(std::string_view key, std::string_view expected) {
  table_.require(key, expected);
}
void SettingsTable::fail(std::string_view key, std::string code, std::string message, std::string expected) const {
  table_.fail(key, std::move(code), std::move(message), std::move(expected));
}

base::Status read_settings(std::string_view text, const SettingsForm& form, const SettingsTable::ReadTable& read) {
  if (text.size() > form.bytes_max)
    return base::Error{form.code_prefix + ".too_large",
                       fmt::format("the file has {} bytes; the limit is {}", text.size(), form.bytes_max), "", ""};
  text = without_bom(text);
  if (auto error = encoding_error(text)) return settings_error({*std::move(error)}, form);
  TreeResult tree = tree_from_toml(text, {form.lists, form.keys_max});
  SpecErrors errors;
  if (tree.error) errors.add(std::move(*tree.error));
  for (SpecError& error : tree.findings) errors.add(std::move(error));
  if (tree.root) {
    TableReader root(*tree.root, "", errors);
    SettingsTable settings(root);
    read(settings);
    root.finish();
    report_mends(*tree.root, "", errors);
  }
  if (errors.empty()) return {};
  return settings_error(errors.take(), form);
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

}  // namespace framemill::jobs
