// TOML into a tree. toml++ and its exceptions end in this file.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <variant>

#include "config/text_index.h"
#include "config/tree.h"

namespace framemill::config {
namespace {

Finding limit_error(std::string code, std::string message, Position at) {
  return {std::move(code), at.line, at.column, "", std::move(message), "", ""};
}

// Finds brackets or dotted keys nested deeper than a text may be, before a recursive parser meets them. Knows strings
// and comments; a text that is no TOML is left to the parser, which stops at the first fault.
class DepthGuard {
 public:
  std::optional<Position> too_deep(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\n') {
        ++line_;
        line_start_ = i + 1;
      }
      if (quote_ != Quote::None)
        i = inside(text, i);
      else if (outside(text, i))
        return Position{line_, static_cast<std::uint32_t>(i - line_start_ + 1)};
      if (opened_long_) {
        i += 2;
        opened_long_ = false;
      }
    }
    return std::nullopt;
  }

 private:
  enum class Quote { None, Comment, Basic, Literal, LongBasic, LongLiteral };

  // Moves over one character inside a string or comment; returns the index of the last one eaten.
  std::size_t inside(std::string_view text, std::size_t i) {
    const char c = text[i];
    const bool is_long = quote_ == Quote::LongBasic || quote_ == Quote::LongLiteral;
    if (c == '\n' && !is_long) quote_ = Quote::None;  // also ends a string that was never closed
    if (c == '\n' || quote_ == Quote::Comment) {
      if (c == '\n') dots_ = 0;
      return i;
    }
    if (c == '\\' && (quote_ == Quote::Basic || quote_ == Quote::LongBasic))
      return i + 1 < text.size() && text[i + 1] != '\n' ? i + 1 : i;
    const char closing = quote_ == Quote::Basic || quote_ == Quote::LongBasic ? '"' : '\'';
    if (c != closing) return i;
    if (!is_long) {
      quote_ = Quote::None;
      return i;
    }
    if (text.substr(i, 3) != std::string(3, closing)) return i;
    i += 2;
    while (i + 1 < text.size() && text[i + 1] == closing) ++i;  // """" closes a string that ends in a quote
    quote_ = Quote::None;
    return i;
  }

  // One character outside strings; true when it goes too deep.
  bool outside(std::string_view text, std::size_t i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      opened_long_ = text.substr(i, 3) == std::string(3, c);
      if (c == '"')
        quote_ = opened_long_ ? Quote::LongBasic : Quote::Basic;
      else
        quote_ = opened_long_ ? Quote::LongLiteral : Quote::Literal;
      return false;
    }
    if (c == '#') quote_ = Quote::Comment;
    if (c == '.') return ++dots_ >= kDepthMax;
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') dots_ = 0;
    return depth_ > kDepthMax;
  }

  Quote quote_ = Quote::None;
  bool opened_long_ = false;
  std::size_t depth_ = 0, dots_ = 0, line_start_ = 0;
  std::uint32_t line_ = 1;
};

// As RFC 3339 writes them.
std::string written(const toml::date& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}
std::string written(const toml::time& time) {
  std::string out = fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
  return time.nanosecond == 0 ? out : out + fmt::format(".{:09}", time.nanosecond);
}
std::string written(const toml::date_time& moment) {
  const std::string local = written(moment.date) + "T" + written(moment.time);
  if (!moment.offset) return local;
  const int minutes = std::abs(moment.offset->minutes);
  return local + fmt::format("{}{:02}:{:02}", moment.offset->minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

// A parsed text, the text that it was mended from, and how places in one are places in the other.
struct TomlSource {
  std::string_view original, parsed;
  const std::vector<Mend>& mends;
  TextIndex original_index{original}, parsed_index{parsed};

  std::size_t offset(const toml::source_position& at) const {
    return original_offset(mends, parsed_index.offset(at.line, at.column));
  }
  Position position(const toml::source_position& at) const {
    if (!at) return {};
    return original_index.position(offset(at));
  }
  std::string_view written(const toml::source_region& region) const {
    if (!region.begin || !region.end) return {};
    const std::size_t begin = parsed_index.offset(region.begin.line, region.begin.column);
    const std::size_t end = parsed_index.offset(region.end.line, region.end.column);
    return begin < end ? parsed.substr(begin, end - begin) : std::string_view();
  }
};

// Walks the parsed document; depth is bounded by kDepthMax.
class Walk {
 public:
  Walk(const TomlSource& source, std::size_t keys_max) : source_(source), keys_max_(keys_max) {}

  Node node(const toml::node& in, std::size_t depth) {
    Node out;
    out.position = source_.position(in.source().begin);
    if (depth > kDepthMax) return fail("too_deep", fmt::format("nested deeper than {} levels", kDepthMax), out);
    if (const auto* table = in.as_table()) {
      out.type = Node::Type::Table;
      for (const auto& [key, value] : *table) {
        if (++keys_ > keys_max_) return fail("too_large", fmt::format("more than {} keys", keys_max_), out);
        out.members.emplace_back(std::string(key.str()), node(value, depth + 1));
        if (key.source().begin) out.members.back().second.position = source_.position(key.source().begin);
      }
    } else if (const auto* array = in.as_array()) {
      out.type = Node::Type::Array;
      for (const auto& value : *array) out.items.push_back(node(value, depth + 1));
    } else {
      scalar(in, out);
    }
    return out;
  }
  const std::optional<Finding>& error() const { return error_; }

 private:
  void scalar(const toml::node& in, Node& out) {
    if (const auto* text = in.as_string()) {
      out.type = Node::Type::String;
      out.text = text->get();
      if (out.text.size() > kStringBytesMax)
        fail("too_large", fmt::format("a string of more than {} bytes", kStringBytesMax), out);
      take_mend(in, out);
      return;
    }
    out.written = source_.written(in.source());
    if (const auto* integer = in.as_integer()) {
      out.type = Node::Type::Integer;
      out.integer = integer->get();
    } else if (const auto* real = in.as_floating_point()) {
      out.type = Node::Type::Float;
      out.real = real->get();
    } else if (const auto* boolean = in.as_boolean()) {
      out.type = Node::Type::Bool;
      out.boolean = boolean->get();
    } else {
      out.type = Node::Type::DateTime;
      if (const auto* moment = in.as_date_time()) out.text = written(moment->get());
      if (const auto* date = in.as_date()) out.text = written(date->get());
      if (const auto* time = in.as_time()) out.text = written(time->get());
    }
  }

  // A string that stands in for what was written otherwise begins where that does.
  void take_mend(const toml::node& in, Node& out) const {
    if (source_.mends.empty() || !in.source().begin) return;
    const std::size_t at = source_.offset(in.source().begin);
    for (const Mend& mend : source_.mends) {
      if (!mend.is_value() || mend.begin != at) continue;
      if (mend.kind == Mend::Kind::TooLarge) {
        out.type = Node::Type::BigInteger;
        out.written = mend.written;
      } else {
        out.mend = std::make_shared<const Mend>(mend);
      }
    }
  }

  Node fail(std::string code, std::string message, const Node& at) {
    if (!error_) error_ = limit_error(std::move(code), std::move(message), at.position);
    return at;
  }

  const TomlSource& source_;
  const std::size_t keys_max_;
  std::size_t keys_ = 0;
  std::optional<Finding> error_;
};

struct ParseFault {
  std::string message;
  toml::source_position at;
};
std::variant<toml::table, ParseFault> parse_toml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& fault) {
    return ParseFault{std::string(fault.description()), fault.source().begin};
  }
}

TreeResult tree_of(const toml::table& document, const TomlSource& source, std::size_t keys_max) {
  Walk walk(source, keys_max);
  Node root = walk.node(document, 0);
  if (walk.error()) return {std::nullopt, walk.error(), {}};
  return {std::move(root), std::nullopt, {}};
}

// The parser's words without what it was doing: "Error while parsing key-value pair: expected '=', saw 'x'".
std::string_view plain_words(std::string_view message) {
  constexpr std::string_view kBegin = "Error while parsing ";
  const std::size_t colon = message.find(": ");
  return message.starts_with(kBegin) && colon != std::string_view::npos ? message.substr(colon + 2) : message;
}

Finding error_of(const ParseFault& fault, const TomlSource& source) {
  const bool twice = fault.message.find("redefine") != std::string::npos;
  Finding error = limit_error(twice ? "duplicate_key" : "syntax", std::string(plain_words(fault.message)),
                              source.position(fault.at));
  error.suggestion =
      twice ? "delete one of the two" : syntax_hint(source.original, source.offset(fault.at), Language::Toml);
  // "cannot redefine existing table 'roots'"
  if (const std::size_t quote = error.message.find('\''); twice && quote != std::string::npos)
    error.message = error.message.substr(quote) + " is given twice";
  // What the parser says of an open string and an open array is true and helps nobody.
  if (fault.message.find("control characters") != std::string::npos) error.message = "the string is not closed";
  if (fault.message.find("closing ']'") != std::string::npos && error.suggestion.empty())
    error.suggestion = "a closing ] or a comma is missing before this";
  return error;
}

}  // namespace

TreeResult tree_from_toml(std::string_view text, const TomlForm& form) {
  if (const auto at = DepthGuard().too_deep(text))
    return {std::nullopt, limit_error("too_deep", fmt::format("nested deeper than {} levels", kDepthMax), *at), {}};
  auto parsed = parse_toml(text);
  const std::vector<Mend> none;
  if (const auto* document = std::get_if<toml::table>(&parsed))
    return tree_of(*document, {text, text, none}, form.keys_max);

  const std::vector<Mend> mends = find_mends(text, Language::Toml, form.lists);
  const std::string again = mended(text, mends);
  const TomlSource source{text, again, mends};
  if (!mends.empty()) parsed = parse_toml(again);
  const auto* document = std::get_if<toml::table>(&parsed);
  TreeResult out = document == nullptr ? TreeResult{std::nullopt, error_of(std::get<ParseFault>(parsed), source), {}}
                                       : tree_of(*document, source, form.keys_max);
  const auto colons =
      std::count_if(mends.begin(), mends.end(), [](const Mend& mend) { return mend.kind == Mend::Kind::Separator; });
  if (!out.root && colons > 1) {
    out.error->message = "this looks like YAML, which is not supported";
    out.error->suggestion =
        form.lists.empty() ? "write KEY = VALUE"
                           : fmt::format("write KEY = VALUE, and [[{0}]] before the keys of each {0}", form.lists[0]);
    return out;
  }
  for (const Mend& mend : mends)
    if (!mend.is_value() || !out.root)
      out.findings.push_back(finding(mend, source.original_index.position(mend.begin), Language::Toml));
  return out;
}

}  // namespace framemill::config
