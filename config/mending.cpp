#include "config/mending.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/unicode.h"
#include "config/limits.h"
#include "config/text_rules.h"
#include "config/toml_scalar.h"

namespace framemill::config {
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
  MendFinder(std::string_view text, Language language, const std::vector<std::string_view>& lists)
      : text_(text), language_(language), lists_(lists) {}

  std::vector<Mend> find() {
    if (language_ == Language::Json) {
      skip_blanks(true);
      if (peek() == '{') value(Around::Array, "");  // anything else is not an object
    } else {
      while (!done()) toml_line();
    }
    std::stable_sort(mends_.begin(), mends_.end(), [](const Mend& a, const Mend& b) { return a.begin < b.begin; });
    std::vector<Mend> apart;
    for (Mend& mend : mends_)
      if (apart.empty() || mend.begin >= apart.back().end) apart.push_back(std::move(mend));
    return apart;
  }

 private:
  enum class Around { Line, Array, Table };

  bool done() const { return at_ >= text_.size() || stopped_ || mends_.size() >= kMendsMax; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool is_json() const { return language_ == Language::Json; }

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
        skip_comment();
      else if (!skip_hidden())
        return;
    }
  }
  void skip_comment() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find('\n', at_), text_.size());
    note(Mend::Kind::Comment, begin, at_, "", "//");
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1; }

  void toml_line() {
    skip_blanks(true);
    if (done()) return;
    if (peek() == '[') {
      const std::string_view header = without_blanks(text_.substr(at_, text_.find('\n', at_) - at_));
      for (const std::string_view list : lists_)
        if (header == fmt::format("[{}]", list))
          note(Mend::Kind::Header, at_, at_ + header.size(), fmt::format("[[{}]]", list), std::string(list));
      keys_.clear();
      return skip_line();
    }
    const Member member = begin_member();
    const std::string key = read_key();
    skip_blanks(false);
    if (!key.empty() && read_separator()) {
      value(Around::Line, key);
      if (!keys_.insert(key).second) remove(member, at_, key);
    }
    const bool at_line = at_ > member.begin && text_[at_ - 1] == '\n';  // after an array that was never closed
    if (!done() && !at_line) skip_line();
  }

  // Where a key begins, and what had been noted before it.
  struct Member {
    std::size_t begin, mends, strings;
  };
  Member begin_member() const { return {at_, mends_.size(), strings_}; }
  // Takes the member, whose key the table has already, out of the text, and what was noted in it.
  void remove(const Member& member, std::size_t end, const std::string& key) {
    mends_.resize(std::min(mends_.size(), member.mends));
    while (!mends_.empty() && mends_.back().end > member.begin) mends_.pop_back();
    strings_ = member.strings;
    note(Mend::Kind::Twice, member.begin, end, "", key, key);
  }

  // The key at `at_`, as far as it goes; invisible characters in it are noted.
  std::string read_key() {
    std::string key;
    if (peek() == '"' || peek() == '\'') {
      const std::size_t begin = at_ + 1;
      skip_string();
      return std::string(text_.substr(begin, at_ > begin ? at_ - begin - 1 : 0));
    }
    const Member member = begin_member();
    std::string foreign;
    while (!done()) {
      if (is_key_character(peek()))
        key += text_[at_++];
      else if (!skip_hidden() && !read_foreign(key, foreign))
        break;
    }
    if (!foreign.empty() && !is_json()) {
      mends_.resize(std::min(mends_.size(), member.mends));
      note(Mend::Kind::ForeignKey, member.begin, at_, in_quotes(key), foreign, key);
    }
    return key;
  }
  // A letter beyond ASCII, added to the key; the first one is named.
  bool read_foreign(std::string& key, std::string& foreign) {
    if (static_cast<unsigned char>(peek()) < 0x80) return false;
    const auto next = base::first_code_point(text_.substr(at_));
    if (!next) return false;
    if (foreign.empty()) foreign = base::code_point_name(next->value);
    key += text_.substr(at_, next->bytes);
    at_ += next->bytes;
    return true;
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
      if (++depth_ > kDepthMax) {
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

  // In JSON: the comma at `comma` stands before a closing bracket. 0: there was none, which is not its place either.
  void close(std::size_t comma) {
    if (is_json() && comma > 0) note(Mend::Kind::Comma, comma, comma + 1, "", ",");
    ++at_;
  }

  void array() {
    std::size_t comma = 0;  // the one that nothing follows yet
    while (true) {
      skip_blanks(true);
      if (done()) return;
      if (peek() == ']') return close(comma);
      if (peek() == ',') comma = at_;
      // A key or a header at the start of a line: the array was never closed.
      const bool at_line_start = at_ > 0 && text_[at_ - 1] == '\n';
      if (!is_json() && at_line_start && (text_.substr(at_).starts_with("[[") || key_follows(at_))) return;
      if (peek() == ',' || peek() == '}' || peek() == ':') {
        ++at_;
        continue;
      }
      comma = 0;
      value(Around::Array, "");
    }
  }

  void table() {
    std::set<std::string> keys;
    std::size_t comma = 0;  // the one that nothing follows yet
    while (true) {
      skip_blanks(true);
      if (done()) return;
      if (peek() == '}') return close(comma);
      if (peek() == ',') {
        comma = at_++;
        continue;
      }
      const Member member = begin_member();
      const std::size_t comma_before = std::exchange(comma, 0), begin = at_;
      const bool quoted = peek() == '"';
      if (!key_follows(at_)) {
        skip_member();
        continue;
      }
      const std::string key = read_key();
      if (is_json() && !quoted && at_ > begin) note(Mend::Kind::UnquotedKey, begin, at_, in_quotes(key), key);
      skip_blanks(false);
      if (!read_separator()) {
        skip_member();
        continue;
      }
      value(Around::Table, key);
      if (!keys.insert(key).second) comma = remove_member(member, comma_before, key);
    }
  }
  // With the comma behind it, or else the one before it; returns the comma that is left before the next member.
  std::size_t remove_member(Member member, std::size_t comma_before, const std::string& key) {
    const std::size_t end = at_;
    skip_blanks(true);
    if (peek() == ',') {
      remove(member, ++at_, key);
      return comma_before;
    }
    if (comma_before > 0) member.begin = comma_before;
    remove(member, end, key);
    return 0;
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
    note(large ? Mend::Kind::TooLarge : Mend::Kind::Unquoted, begin, end, in_quotes(written), std::string(written),
         key);
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
  Language language_;
  const std::vector<std::string_view>& lists_;
  std::size_t at_ = 0, depth_ = 0, strings_ = 0;
  bool stopped_ = false;
  std::set<std::string> keys_;  // TOML: of the table that the lines are in
  std::vector<Mend> mends_;
};

}  // namespace

std::vector<Mend> find_mends(std::string_view text, Language language, const std::vector<std::string_view>& lists) {
  return MendFinder(text, language, lists).find();
}

}  // namespace framemill::config
