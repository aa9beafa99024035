// HTML's character references in prompts that were copied from web pages. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace framemill::models {

// What "&name;" stands for in HTML 5, as UTF-8: one or two characters. `name` is without "&" and ";".
// `without_semicolon`: HTML also knows it without (old names: "amp", "eacute").
struct HtmlEntity {
  std::string text;
  bool without_semicolon = false;
};
std::optional<HtmlEntity> html_entity(std::string_view name);

// All references replaced as HTML 5 parses them (and Python's html.unescape does): also those without a semicolon, and
// numbers, of which those for C1 controls mean Windows-1252. Once; "&amp;lt;" becomes "&lt;".
std::string unescape_html(std::string_view text);

// Only what is certain: names that end in a semicolon, among them the lower-case ones written in capitals ("&EACUTE;"),
// and numbers.
std::string unescape_certain_html(std::string_view text);

}  // namespace framemill::models
