#include "config/text_rules.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

#include "base/unicode.h"

namespace framemill::config {
namespace {

bool is_forbidden(char32_t code_point, TextRule rule) {
  const base::CharacterClass kind = base::class_of(code_point);
  if (kind == base::CharacterClass::Control) return true;
  if (rule == TextRule::Prose || (rule == TextRule::Argument && code_point == '\n')) return false;
  return kind == base::CharacterClass::LineBreak || (code_point == '\t' && rule != TextRule::Argument);
}

}  // namespace

bool is_safe_word(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.front() == '-') return false;
  for (const char c : text) {
    const bool safe =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!safe) return false;
  }
  return true;
}

std::optional<std::string> forbidden_character(std::string_view text, TextRule rule) {
  const auto hidden = rule == TextRule::Prose ? std::nullopt : base::first_hidden(text);
  const std::size_t end = hidden ? hidden->offset : text.size();
  for (std::size_t at = 0; at < end;) {
    const auto next = base::first_code_point(text.substr(at));
    if (next && is_forbidden(next->value, rule)) return base::code_point_name(next->value);
    at += next ? next->bytes : 1;
  }
  return hidden ? std::optional(base::code_point_name(hidden->code_point)) : std::nullopt;
}

std::string why_unsafe(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > 64) return fmt::format("it has {} bytes", text.size());
  if (text.front() == '.' || text.front() == '-') return fmt::format("it begins with \"{}\"", text.front());
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    if (!next) break;
    const std::string_view character = text.substr(0, next->bytes);
    if (character == " ") return "it holds a space";
    if (!is_safe_word(fmt::format("a{}", character)))
      return next->value < 0x80 ? fmt::format("it holds \"{}\"", character)
                                : fmt::format("it holds {}", base::code_point_name(next->value));
    text.remove_prefix(next->bytes);
  }
  return "it holds a character that is not plain ASCII";
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string out;
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    std::string character(next ? text.substr(0, next->bytes) : "?");
    if (next && forbidden_character(character, TextRule::Line))
      character = fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(next->value));
    if (out.size() + character.size() > kShownMax) return out + "...";
    out += character;
    text.remove_prefix(next ? next->bytes : 1);
  }
  return out;
}

}  // namespace framemill::config
