#include "models/text/html_entities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/ascii.h"
#include "base/unicode.h"
#include "models/text/code_points.h"
#include "models/text/html_entity_table.h"

namespace framemill::models {
namespace {

constexpr std::size_t kNameBytesMax = 32;  // of a reference, with its semicolon

// What the numbers 128 to 159 mean to browsers; 0: themselves.
constexpr std::array<char32_t, 32> kWindows1252{0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                                0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

// "AElig" -> its text, from the words of the table: [!]name=hex[,hex].
std::map<std::string_view, HtmlEntity> entities_of(std::string_view table) {
  std::map<std::string_view, HtmlEntity> entities;
  while (!table.empty()) {
    const std::size_t end = std::min(table.find(' '), table.size());
    std::string_view word = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    HtmlEntity entity;
    entity.without_semicolon = word.starts_with('!');
    if (entity.without_semicolon) word.remove_prefix(1);
    const std::size_t equals = word.find('=');
    std::u32string text;
    for (const char* at = word.data() + equals; at < word.data() + word.size();) {
      std::uint32_t code = 0;
      at = std::from_chars(at + 1, word.data() + word.size(), code, 16).ptr;
      text += static_cast<char32_t>(code);
    }
    entity.text = utf8_of(text);
    entities.emplace(word.substr(0, equals), std::move(entity));
  }
  return entities;
}

const std::map<std::string_view, HtmlEntity>& entities() {
  static const std::map<std::string_view, HtmlEntity> kEntities = entities_of(kHtmlEntityTable);
  return kEntities;
}

bool is_digit(char c, int radix) {
  return (c >= '0' && c <= '9') || (radix == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

// Control characters and what Unicode will never assign are dropped.
bool is_never_text(char32_t code) {
  return (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
         (code >= 0x7F && code <= 0x9F) || (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
}

std::string text_of_number(char32_t code) {
  if (code >= 0x80 && code < 0xA0) {
    const char32_t meant = kWindows1252[code - 0x80];
    return utf8_of(std::u32string(1, meant == 0 ? code : meant));
  }
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return utf8_of(U"\uFFFD");
  return is_never_text(code) ? "" : utf8_of(std::u32string(1, code));
}

struct Reference {
  std::size_t bytes = 0;  // that it takes of the text, "&" included; 0: there is none
  std::string text;
  bool closed = false;  // with a semicolon
};

// "&#233;" or "&#xE9;"
Reference numeric_reference(std::string_view text) {
  const int radix = text.size() > 2 && (text[2] == 'x' || text[2] == 'X') ? 16 : 10;
  const std::size_t first = radix == 16 ? 3 : 2;
  std::size_t end = first;
  char32_t code = 0;
  for (; end < text.size() && is_digit(text[end], radix); ++end) {
    unsigned digit = 0;
    std::from_chars(&text[end], &text[end] + 1, digit, radix);
    code = std::min<char32_t>(code * static_cast<unsigned>(radix) + digit, 0x110000);
  }
  if (end == first) return {};
  const bool closed = end < text.size() && text[end] == ';';
  return {end + (closed ? 1 : 0), text_of_number(code), closed};
}

// "&eacute;", or the longest old name that what follows "&" begins with.
Reference named_reference(std::string_view text) {
  std::size_t end = 1;
  while (end < text.size() && end <= kNameBytesMax &&
         std::string_view("\t\n\f <&#;").find(text[end]) == std::string_view::npos)
    ++end;
  const std::string_view name = text.substr(1, end - 1);
  if (name.empty()) return {};
  if (end < text.size() && text[end] == ';')
    if (const auto entity = html_entity(name)) return {end + 1, entity->text, true};
  for (std::size_t length = name.size(); length >= 2; --length)
    if (const auto entity = html_entity(name.substr(0, length)); entity && entity->without_semicolon)
      return {length + 1, entity->text, false};
  return {};
}

// A name in capitals of an entity that is lower case, where no other is meant: letters are then capital, too.
std::optional<std::string> entity_in_capitals(std::string_view name) {
  const std::string lower = base::ascii_lower(name);
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return std::nullopt;
  const auto entity = html_entity(lower);
  const std::string reference = "&" + std::string(name) + ";";
  if (!entity || unescape_html(reference) != reference) return std::nullopt;
  const auto first = base::first_code_point(entity->text);
  const auto capital = html_entity(std::string(name.substr(0, 1)) + lower.substr(1));
  return capital && first && base::class_of(first->value) == base::CharacterClass::Word ? capital->text : entity->text;
}

template <class Find>
std::string replace_references(std::string_view text, Find&& find) {
  std::string out;
  while (!text.empty()) {
    const std::size_t before = std::min(text.find('&'), text.size());
    out += text.substr(0, before);
    text.remove_prefix(before);
    if (text.empty()) break;
    const Reference found = find(text);
    out += found.bytes == 0 ? std::string("&") : found.text;
    text.remove_prefix(std::max<std::size_t>(found.bytes, 1));
  }
  return out;
}

}  // namespace

std::optional<HtmlEntity> html_entity(std::string_view name) {
  const auto found = entities().find(name);
  if (found == entities().end()) return std::nullopt;
  return found->second;
}

std::string unescape_html(std::string_view text) {
  return replace_references(
      text, [](std::string_view at) { return at.starts_with("&#") ? numeric_reference(at) : named_reference(at); });
}

std::string unescape_certain_html(std::string_view text) {
  return replace_references(text, [](std::string_view at) -> Reference {
    if (at.starts_with("&#")) {
      const Reference number = numeric_reference(at);
      return number.closed ? number : Reference{};
    }
    const std::size_t end = at.substr(0, kNameBytesMax).find(';');
    if (end == std::string_view::npos) return {};
    const std::string_view name = at.substr(1, end - 1);
    if (const auto entity = html_entity(name)) return {end + 1, entity->text, true};
    if (const auto text_of_capitals = entity_in_capitals(name)) return {end + 1, *text_of_capitals, true};
    return {};
  });
}

}  // namespace framemill::models
