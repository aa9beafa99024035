// What to do about a text that does not parse: the mistakes that people make, told by what stands where the parser
// stopped.
#include <algorithm>
#include <array>

#include "base/unicode.h"
#include "config/mending.h"

namespace framemill::config {
namespace {

std::string_view trimmed_line(std::string_view text, std::size_t offset) {
  const std::size_t begin = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;  // npos + 1 is the text's start
  std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  return line;
}

struct LineStart {
  std::string_view start, hint;
};

// The first character of a key that is no ASCII letter and may look like one.
std::string foreign_letter(std::string_view key) {
  for (std::string_view rest = key; !rest.empty();) {
    const auto next = base::first_code_point(rest);
    if (!next || rest.front() == '"' || rest.front() == '\'') return {};
    if (next->value >= 0x80) return base::code_point_name(next->value);
    rest.remove_prefix(next->bytes);
  }
  return {};
}

std::string hint_for_any(std::string_view line) {
  constexpr std::array<LineStart, 4> kStarts{
      {{"<<<<<<<", "this is the mark of a merge that was not finished: choose one side and delete the marks"},
       {">>>>>>>", "this is the mark of a merge that was not finished: choose one side and delete the marks"},
       {"<", "this looks like XML or HTML; write it as TOML"},
       {"%YAML", "this looks like YAML; write it as TOML"}}};
  for (const LineStart& entry : kStarts)
    if (line.starts_with(entry.start)) return std::string(entry.hint);
  return {};
}

std::string hint_for_toml(std::string_view line) {
  constexpr std::array<LineStart, 6> kStarts{{{"---", "this looks like YAML; write it as TOML"},
                                              {"- ", "this looks like YAML; write it as TOML"},
                                              {"//", "a comment begins with #"},
                                              {"/*", "a comment begins with #"},
                                              {";", "a comment begins with #"},
                                              {"#", ""}}};
  for (const LineStart& entry : kStarts)
    if (line.starts_with(entry.start)) return std::string(entry.hint);
  if (line.starts_with("[{") || line.starts_with("[\"")) return "JSON is read only where it is one object: { ... }";
  const std::size_t equals = line.find('=');
  if (std::string foreign = foreign_letter(line.substr(0, std::min(equals, line.size()))); !foreign.empty())
    return foreign + " is among the letters of the key; keys have ASCII letters only";
  if (equals == std::string_view::npos && !line.starts_with('[')) return "write KEY = VALUE";
  if (line.ends_with('=')) return "a value is missing after \"=\"";
  const auto quotes = std::count(line.begin(), line.end(), '"');
  if (line.find('\\') != std::string_view::npos && quotes > 0)
    return "a backslash begins an escape in double quotes; write / in paths, or use single quotes";
  if (quotes % 2 == 1) return "a double quote is missing: strings begin and end on the same line";
  if (line.ends_with(',') && line.find('[') == std::string_view::npos) return "delete the comma at the end of the line";
  if (line.find("\" \"") != std::string_view::npos) return "a comma is missing between two values";
  return {};
}

std::string hint_for_json(std::string_view text, std::size_t offset) {
  const std::size_t at = std::min(text.find_first_not_of(" \t\r\n", offset), text.size());
  const std::size_t last = text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
  const char before = last == std::string_view::npos || last >= at ? '\0' : text[last];
  if (at == text.size()) return "the text ends too early: a closing bracket or quote is missing";
  const char here = text[at];
  if ((here == '}' || here == ']') && before == ',') return "delete the comma before the closing bracket";
  if (here == '/' || here == '#') return "JSON has no comments; delete this one, or write TOML";
  if (here == '"' && (before == '"' || before == '}' || before == ']' || (before >= '0' && before <= '9')))
    return "a comma is missing before this";
  if (here == '{' && before == '}') return "a comma is missing before this";
  const std::string_view line = trimmed_line(text, std::min(offset, text.size()));
  if (line.find('\\') != std::string_view::npos) return "a backslash begins an escape; write / in paths, or \\\\";
  if (std::count(line.begin(), line.end(), '"') % 2 == 1) return "a double quote is missing";
  return {};
}

}  // namespace

std::string syntax_hint(std::string_view text, std::size_t offset, Language language) {
  offset = std::min(offset, text.size());
  const std::string_view line = trimmed_line(text, offset);
  if (std::string hint = hint_for_any(line); !hint.empty()) return hint;
  return language == Language::Json ? hint_for_json(text, offset) : hint_for_toml(line);
}

}  // namespace framemill::config
