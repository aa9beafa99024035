// What becomes of a text by its mends, and what they are for its author to do.
#include <fmt/format.h>

#include "config/mending.h"
#include "config/text_rules.h"

namespace framemill::config {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string mended(std::string_view text, const std::vector<Mend>& mends) {
  std::string out;
  std::size_t at = 0;
  for (const Mend& mend : mends) {
    out += text.substr(at, mend.begin - at);
    out += mend.replacement;
    at = mend.end;
  }
  return out += text.substr(at);
}

std::size_t original_offset(const std::vector<Mend>& mends, std::size_t mended_offset) {
  std::size_t original = 0, in_mended = 0;
  for (const Mend& mend : mends) {
    const std::size_t kept = mend.begin - original;
    if (mended_offset < in_mended + kept) break;
    in_mended += kept;
    original = mend.begin;
    if (mended_offset < in_mended + mend.replacement.size()) return original;  // somewhere in the replacement
    in_mended += mend.replacement.size();
    original = mend.end;
  }
  return original + (mended_offset - in_mended);
}

std::string quoted_form(std::string_view key, std::string_view written, Language language) {
  const std::string value = in_quotes(printable(written));
  if (key.empty()) return value;
  return language == Language::Json ? fmt::format("\"{}\": {}", printable(key), value)
                                    : fmt::format("{} = {}", printable(key), value);
}

std::string advice(const Mend& mend, Language language) {
  const std::string form = quoted_form(mend.key, mend.written, language);
  switch (mend.kind) {
    case Mend::Kind::Unquoted:
      return "write it in quotes: " + form;
    case Mend::Kind::WrongQuotes:
      return (language == Language::Json ? "write it in straight double quotes: " : "write it in straight quotes: ") +
             form;
    case Mend::Kind::TooLarge:
      return fmt::format("{} is larger than {}", printable(mend.written), INT64_MAX);
    case Mend::Kind::UnquotedKey:
      return fmt::format("write the key in double quotes: {}", in_quotes(printable(mend.written)));
    case Mend::Kind::ForeignKey:
      return fmt::format("the key \"{}\" holds {}; keys have ASCII letters only", printable(mend.key), mend.written);
    case Mend::Kind::Twice:
      return fmt::format("the key \"{}\" is given twice", printable(mend.key));
    case Mend::Kind::Comma:
      return "delete the comma before the closing bracket";
    case Mend::Kind::Comment:
      return "JSON has no comments: delete this one, or write TOML";
    case Mend::Kind::Separator:
      return fmt::format("write \"{}\" instead of \"{}\" between a key and its value", mend.replacement, mend.written);
    case Mend::Kind::Header:
      return fmt::format("write [[{0}]], with two brackets, before the keys of each {0}", mend.written);
    case Mend::Kind::Hidden:
      return fmt::format("{} outside a string: {}", mend.written,
                         mend.replacement.empty() ? "delete it" : "replace it with an ordinary space");
  }
  return {};
}

Finding finding(const Mend& mend, const Position& at, Language language) {
  const std::string_view code = mend.kind == Mend::Kind::Hidden     ? "control_character"
                                : mend.kind == Mend::Kind::TooLarge ? "out_of_range"
                                : mend.kind == Mend::Kind::Twice    ? "duplicate_key"
                                : mend.is_value()                   ? "unquoted"
                                                                    : "syntax";
  return {std::string(code),
          at.line,
          at.column,
          printable(mend.key),
          advice(mend, language),
          "",
          mend.kind == Mend::Kind::Twice ? "delete one of the two" : ""};
}

}  // namespace framemill::config
