#include "jobs/spec_mending.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/unicode.h"
#include "jobs/spec_tree.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {
namespace {

// Opening quotation marks that are not the language's, with their closing ones.
struct QuotePair {
  std::string_view open, close;
};
constexpr std::array<QuotePair, 9> kOtherQuotes{{{"\u201C", "\u201D"},
                                                 {"\u201E", "\u201C"},
                                                 {"\u201D", "\u201D"},
                                                 {"\u2018", "\u2019"},
                                                 {"\u2019", "\u2019"},
                                                 {"\u00AB", "\u00BB"},
                                                 {"\uFF02", "\uFF02"},
                                                 {"`", "`"},
                                                 {"'", "'"}}};  // the last in JSON alone

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// A basic string of TOML, which is a string of JSON too.
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

bool is_json_scalar(std::string_view text) {
  if (text == "true" || text == "false" || text == "null") return true;
  const auto digits = [&text] {
    std::size_t count = 0;
    for (; !text.empty() && is_digit(text.front()); ++count) text.remove_prefix(1);
    return count;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero_first = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero_first && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// An integer in TOML's forms that is too large for 64 bits, once it is known that it does not parse.
bool looks_too_large(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  if (text.starts_with("0x") && text.size() > 18)
    return text.find_first_not_of("0123456789abcdefABCDEF_", 2) == std::string_view::npos;
  return text.size() >= 19 && text.front() != '0' && text.find_first_not_of("0123456789_") == std::string_view::npos &&
         text.front() != '_' && text.back() != '_';
}

// Reads a text as loosely as people write it and notes what is to be mended. Every method leaves `at_` behind what it
// read and makes progress, so the whole is one pass.
class MendFinder {
 public:
  MendFinder(std::string_view text, SpecLanguage language) : text_(text), language_(language) {}

  std::vector<Mend> find() {
    if (language_ == SpecLanguage::Json) {
      skip_blanks(true);
      if (peek() == '{') value(Around::Array, "");  // anything else is no spec, whatever it is
    } else {
      while (!done()) toml_line();
    }
    return std::move(mends_);
  }

 private:
  enum class Around { Line, Array, Table };

  bool done() const { return at_ >= text_.size() || stopped_ || mends_.size() >= kMendsMax; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool is_json() const { return language_ == SpecLanguage::Json; }

  void note(Mend::Kind kind, std::size_t begin, std::size_t end, std::string replacement, std::string written,
            std::string_view key = {}) {
    if (mends_.size() < kMendsMax)
      mends_.push_back({kind, begin, end, std::move(replacement), std::move(written), std::string(key), strings_});
  }

  // A character at `at_` that has no place outside strings; false when it is none of those.
  bool skip_hidden() {
    if (static_cast<unsigned char>(peek()) < 0x80) return false;
    const auto next = base::first_code_point(text_.substr(at_));
    if (!next) return false;
    const base::CharacterClass kind = base::class_of(next->value);
    const bool is_space = kind == base::CharacterClass::Space || kind == base::CharacterClass::LineBreak;
    if (!is_space && kind != base::CharacterClass::Invisible) return false;
    note(Mend::Kind::Hidden, at_, at_ + next->bytes, is_space ? " " : "", base::code_point_name(next->value));
    at_ += next->bytes;
    return true;
  }

  void skip_blanks(bool lines) {
    while (!done()) {
      if (is_blank(peek()) || (lines && peek() == '\n'))
        ++at_;
      else if (lines && !is_json() && peek() == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (is_json() && peek() == '/' && peek(1) == '/')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (!skip_hidden())
        return;
    }
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1; }

  void toml_line() {
    skip_blanks(true);
    if (done()) return;
    if (peek() == '[') {
      const std::string_view header = without_blanks(text_.substr(at_, text_.find('\n', at_) - at_));
      if (header == "[layer]") note(Mend::Kind::Header, at_, at_ + header.size(), "[[layer]]", "[layer]");
      return skip_line();
    }
    const std::string key = read_key();
    skip_blanks(false);
    if (!key.empty() && read_separator()) value(Around::Line, key);
    if (!done()) skip_line();
  }

  // The key at `at_`, as far as it goes; invisible characters in it are noted.
  std::string read_key() {
    std::string key;
    if (peek() == '"' || peek() == '\'') {
      const std::size_t begin = at_ + 1;
      skip_string();
      return std::string(text_.substr(begin, at_ > begin ? at_ - begin - 1 : 0));
    }
    while (!done()) {
      if (is_key_character(peek()))
        key += text_[at_++];
      else if (!skip_hidden())
        break;
    }
    return key;
  }

  // "=" or ":"; notes the one that belongs to the other language.
  bool read_separator() {
    const char right = is_json() ? ':' : '=', wrong = is_json() ? '=' : ':';
    if (peek() == wrong)
      note(Mend::Kind::Separator, at_, at_ + 1, std::string(1, right), std::string(1, wrong));
    else if (peek() != right)
      return false;
    ++at_;
    return true;
  }

  void skip_string() {
    const char quote = peek();
    const bool is_long = !is_json() && peek(1) == quote && peek(2) == quote;
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ += 2;
        continue;
      }
      if (text_[at_] == '\n' && !is_long) return;  // never closed
      if (text_[at_] != quote) {
        ++at_;
        continue;
      }
      ++at_;
      if (!is_long) return;
      if (peek() == quote && peek(1) == quote) {
        at_ += 2;
        while (peek() == quote) ++at_;
        return;
      }
    }
    at_ = text_.size();
  }

  void value(Around around, std::string_view key) {
    skip_blanks(around != Around::Line);
    if (done()) return;
    const char c = peek();
    if (c == '"' || (c == '\'' && !is_json())) {
      skip_string();
      ++strings_;
      return;
    }
    if (c == '[' || (c == '{' && opens_table())) {
      if (++depth_ > kSpecDepthMax) {
        stopped_ = true;
        return;
      }
      ++at_;
      c == '[' ? array() : table();
      --depth_;
      return;
    }
    bare(around, key);
  }

  // "{" begins a table when a key and its separator follow, or nothing.
  bool opens_table() const {
    std::size_t i = at_ + 1;
    const auto skip = [&] {
      while (i < text_.size() && (is_blank(text_[i]) || text_[i] == '\n')) ++i;
    };
    skip();
    if (i >= text_.size() || text_[i] == '}' || (is_json() && text_[i] == '/')) return true;
    return key_follows(i);
  }
  // A key, its separator, and behind the separator of the other language something that looks like a value.
  bool key_follows(std::size_t i) const {
    if (i < text_.size() && (text_[i] == '"' || text_[i] == '\'')) {
      const std::size_t end = text_.find(text_[i], i + 1);
      if (end == std::string_view::npos) return false;
      i = end + 1;
    } else {
      const std::size_t begin = i;
      while (i < text_.size() && (is_key_character(text_[i]) || static_cast<unsigned char>(text_[i]) >= 0x80)) ++i;
      if (i == begin) return false;
    }
    while (i < text_.size() && is_blank(text_[i])) ++i;
    if (i >= text_.size()) return false;
    if (text_[i] == (is_json() ? ':' : '=')) return true;
    const char next = i + 1 < text_.size() ? text_[i + 1] : '\0';
    return text_[i] == (is_json() ? '=' : ':') && (is_blank(next) || next == '"' || next == '[' || next == '{');
  }

  void array() {
    while (true) {
      skip_blanks(true);
      if (done()) return;
      if (peek() == ']') return void(++at_);
      // A key or a header at the start of a line: the array was never closed.
      const bool at_line_start = at_ > 0 && text_[at_ - 1] == '\n';
      if (!is_json() && at_line_start && (text_.substr(at_).starts_with("[[") || key_follows(at_))) return;
      if (peek() == ',' || peek() == '}' || peek() == ':')
        ++at_;
      else
        value(Around::Array, "");
    }
  }

  void table() {
    while (true) {
      skip_blanks(true);
      if (done()) return;
      if (peek() == '}') return void(++at_);
      if (peek() == ',') {
        ++at_;
        continue;
      }
      const std::size_t begin = at_;
      const bool quoted = peek() == '"';
      if (!key_follows(at_)) {
        skip_member();
        continue;
      }
      const std::string key = read_key();
      if (is_json() && !quoted && at_ > begin) note(Mend::Kind::UnquotedKey, begin, at_, in_quotes(key), key);
      skip_blanks(false);
      if (read_separator())
        value(Around::Table, key);
      else
        skip_member();
    }
  }
  // What has no key and separator: the parser will say so.
  void skip_member() {
    while (at_ < text_.size() && peek() != ',' && peek() != '}' && peek() != '\n')
      peek() == '"' ? skip_string() : void(++at_);
  }

  // A value without quotes: as far as it goes, and whether it is one that the language knows.
  void bare(Around around, std::string_view key) {
    const std::size_t begin = at_;
    for (const QuotePair& quotes : kOtherQuotes) {
      if (!text_.substr(at_).starts_with(quotes.open)) continue;
      const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
      const std::size_t inside = at_ + quotes.open.size();
      const std::size_t close = text_.find(quotes.close, inside);
      const bool closed = close != std::string_view::npos && close < line_end;
      std::size_t end = closed ? close + quotes.close.size() : bare_end(around);
      std::string_view written = text_.substr(inside, (closed ? close : end) - inside);
      // The keyboard closed with a straight one what the word processor opened.
      if (!closed && written.ends_with('"')) written.remove_suffix(1);
      note(Mend::Kind::WrongQuotes, begin, end, in_quotes(written), std::string(written), key);
      ++strings_;
      at_ = end;
      return;
    }
    const std::size_t end = bare_end(around);
    at_ = std::max(end, begin + 1);
    const std::string_view written = text_.substr(begin, end - begin);
    if (written.empty() || (is_json() ? is_json_scalar(written) : is_toml_scalar(written))) return;
    const bool large = !is_json() && looks_too_large(written);
    note(large ? Mend::Kind::TooLarge : Mend::Kind::Unquoted, begin, end, in_quotes(written), std::string(written), key);
    ++strings_;
  }

  std::size_t bare_end(Around around) const {
    std::size_t i = at_, braces = 0, brackets = 0;
    for (; i < text_.size() && text_[i] != '\n'; ++i) {
      const char c = text_[i];
      if (c == '#' && !is_json() && i > at_ && is_blank(text_[i - 1])) break;
      if (around == Around::Line) continue;
      if (c == '"') break;  // the next value, whose comma is missing
      if (c == '{') ++braces;
      if (c == '[') ++brackets;
      if (c == '}' && braces-- == 0) break;
      if (c == ']' && brackets-- == 0) break;
      if (c != ',' || braces > 0 || brackets > 0) continue;
      if (around == Around::Array) break;
      std::size_t next = i + 1;
      while (next < text_.size() && (is_blank(text_[next]) || text_[next] == '\n')) ++next;
      if (next >= text_.size() || text_[next] == '}' || text_[next] == '/' || key_follows(next)) break;
    }
    while (i > at_ && is_blank(text_[i - 1])) --i;
    return i;
  }

  std::string_view text_;
  SpecLanguage language_;
  std::size_t at_ = 0, depth_ = 0, strings_ = 0;
  bool stopped_ = false;
  std::vector<Mend> mends_;
};

}  // namespace

std::vector<Mend> find_mends(std::string_view text, SpecLanguage language) {
  return MendFinder(text, language).find();
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

std::string quoted_form(std::string_view key, std::string_view written, SpecLanguage language) {
  const std::string value = in_quotes(printable(written));
  if (key.empty()) return value;
  return language == SpecLanguage::Json ? fmt::format("\"{}\": {}", printable(key), value)
                                        : fmt::format("{} = {}", printable(key), value);
}

std::string advice(const Mend& mend, SpecLanguage language) {
  const std::string form = quoted_form(mend.key, mend.written, language);
  switch (mend.kind) {
    case Mend::Kind::Unquoted:
      return "write it in quotes: " + form;
    case Mend::Kind::WrongQuotes:
      return (language == SpecLanguage::Json ? "write it in straight double quotes: "
                                             : "write it in straight quotes: ") +
             form;
    case Mend::Kind::TooLarge:
      return fmt::format("{} is larger than {}", printable(mend.written), INT64_MAX);
    case Mend::Kind::UnquotedKey:
      return fmt::format("write the key in double quotes: {}", in_quotes(printable(mend.written)));
    case Mend::Kind::Separator:
      return fmt::format("write \"{}\" instead of \"{}\" between a key and its value", mend.replacement, mend.written);
    case Mend::Kind::Header:
      return "write [[layer]], with two brackets: a job has a list of layers";
    case Mend::Kind::Hidden:
      return fmt::format("{} outside a string: {}", mend.written,
                         mend.replacement.empty() ? "delete it" : "replace it with an ordinary space");
  }
  return {};
}

SpecError finding(const Mend& mend, const SpecPosition& at, SpecLanguage language) {
  const std::string_view code = mend.kind == Mend::Kind::Hidden     ? "spec.control_character"
                                : mend.kind == Mend::Kind::TooLarge ? "spec.out_of_range"
                                : mend.is_value()                   ? "spec.unquoted"
                                                                    : "spec.syntax";
  return {std::string(code), at.line, at.column, printable(mend.key), advice(mend, language), "", ""};
}

}  // namespace framemill::jobs
