#include "cli/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/json_reader.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kSourceColumnsMax = 160;

std::string_view source_line(std::string_view source, std::uint32_t line) {
  for (std::uint32_t at = 1; at < line; ++at) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return {};
    source.remove_prefix(end + 1);
  }
  return source.substr(0, source.find('\n'));
}

// The line and a caret under its column. Columns count characters, tabs are shown as one blank, so that both agree.
std::string excerpt(std::string_view line, std::uint32_t number, std::uint32_t column, const Terminal& terminal) {
  if (line.find('\0') != std::string_view::npos) return {};  // UTF-16, or not a text
  std::string shown = printable(line.substr(0, 4 * kSourceColumnsMax), LineBreaks::Keep);
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  if (shown.empty()) return {};
  std::size_t bytes = 0;
  for (std::uint32_t at = 1; at < column && bytes < shown.size(); ++at) {
    ++bytes;
    while (bytes < shown.size() && (static_cast<unsigned char>(shown[bytes]) & 0xC0) == 0x80) ++bytes;
  }
  const std::size_t caret_at = display_width(std::string_view(shown).substr(0, bytes));
  std::string out = fmt::format("{:>5} | {}\n", number, cut_to(shown, kSourceColumnsMax, terminal.utf8));
  if (caret_at < kSourceColumnsMax)
    out += fmt::format("      | {}{}\n", std::string(caret_at, ' '), paint(terminal, Tone::Good, "^"));
  return out;
}

std::string one_finding(const jobs::SpecError& error, std::string_view file, std::string_view source,
                        const Terminal& terminal) {
  std::string place(file);
  if (error.line) place += fmt::format(":{}", *error.line);
  if (error.line && error.column) place += fmt::format(":{}", *error.column);
  std::string out = fmt::format("{}: {} {}", paint(terminal, Tone::Strong, place), paint(terminal, Tone::Bad, "error:"),
                                printable(error.message));
  out += fmt::format(" {}\n", paint(terminal, Tone::Faint, "[" + printable(error.code) + "]"));
  if (error.line) out += excerpt(source_line(source, *error.line), *error.line, error.column.value_or(1), terminal);
  const auto note = [&](std::string_view label, std::string_view text) {
    if (!text.empty()) out += fmt::format("      {} {}\n", paint(terminal, Tone::Busy, label), printable(text));
  };
  note("field:", error.field);
  note("expected:", error.expected);
  // A suggestion is a word to write, or a sentence.
  const bool is_word = error.suggestion.find(' ') == std::string::npos && !error.suggestion.empty();
  note("help:", is_word ? fmt::format("did you mean \"{}\"?", error.suggestion) : error.suggestion);
  return out;
}

}  // namespace

std::string diagnostics_text(const std::vector<jobs::SpecError>& errors, std::string_view file, std::string_view source,
                             const Terminal& terminal) {
  const std::string name = file == "-" ? "standard input" : printable(file);
  std::string out;
  for (const jobs::SpecError& error : errors) out += one_finding(error, name, source, terminal);
  out += fmt::format("{} in {}\n", counted(static_cast<std::int64_t>(errors.size()), "error"), name);
  return out;
}

std::vector<jobs::SpecError> spec_errors_from_json(const boost::json::array& list) {
  std::vector<jobs::SpecError> errors;
  for (const json::value& item : list) {
    JsonReader reader(item, "finding");
    jobs::SpecError error;
    error.code = reader.text("code");
    error.message = reader.text("message");
    error.field = reader.text_or_empty("field");
    error.expected = reader.text_or_empty("expected");
    error.suggestion = reader.text_or_empty("suggestion");
    if (const auto line = reader.optional_integer("line"); line && *line > 0 && *line <= UINT32_MAX)
      error.line = static_cast<std::uint32_t>(*line);
    if (const auto column = reader.optional_integer("column"); column && *column > 0 && *column <= UINT32_MAX)
      error.column = static_cast<std::uint32_t>(*column);
    if (reader.status().ok()) errors.push_back(std::move(error));
  }
  return errors;
}

}  // namespace framemill::cli
