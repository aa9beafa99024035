// TOML into a spec tree. toml++ and its exceptions end in this file.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdlib>

#include "jobs/spec_tree.h"

namespace framemill::jobs {
namespace {

SpecError limit_error(std::string code, std::string message, SpecPosition at) {
  return {"spec." + std::move(code), at.line, at.column, "", std::move(message), "", ""};
}

// Finds brackets or dotted keys nested deeper than a spec may be, before a recursive parser meets them. Knows strings
// and comments; a text that is no TOML is left to the parser, which stops at the first fault.
class DepthGuard {
 public:
  std::optional<SpecPosition> too_deep(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\n') {
        ++line_;
        line_start_ = i + 1;
      }
      if (quote_ != Quote::None)
        i = inside(text, i);
      else if (outside(text, i))
        return SpecPosition{line_, static_cast<std::uint32_t>(i - line_start_ + 1)};
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
    if (c == '.') return ++dots_ >= kSpecDepthMax;
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') dots_ = 0;
    return depth_ > kSpecDepthMax;
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

SpecPosition position(const toml::source_region& region) {
  if (!region.begin) return {};
  return {region.begin.line, region.begin.column};
}

// Walks the parsed document; depth is bounded by kSpecDepthMax.
class Walk {
 public:
  SpecNode node(const toml::node& in, std::size_t depth) {
    SpecNode out;
    out.position = position(in.source());
    if (depth > kSpecDepthMax) return fail("too_deep", fmt::format("nested deeper than {} levels", kSpecDepthMax), out);
    if (const auto* table = in.as_table()) {
      out.type = SpecNode::Type::Table;
      for (const auto& [key, value] : *table) {
        if (++keys_ > kSpecKeysMax) return fail("too_large", fmt::format("more than {} keys", kSpecKeysMax), out);
        out.members.emplace_back(std::string(key.str()), node(value, depth + 1));
        if (key.source().begin) out.members.back().second.position = position(key.source());
      }
    } else if (const auto* array = in.as_array()) {
      out.type = SpecNode::Type::Array;
      for (const auto& value : *array) out.items.push_back(node(value, depth + 1));
    } else {
      scalar(in, out);
    }
    return out;
  }
  const std::optional<SpecError>& error() const { return error_; }

 private:
  void scalar(const toml::node& in, SpecNode& out) {
    if (const auto* text = in.as_string()) {
      out.type = SpecNode::Type::String;
      out.text = text->get();
      if (out.text.size() > kSpecStringBytesMax)
        fail("too_large", fmt::format("a string of more than {} bytes", kSpecStringBytesMax), out);
    } else if (const auto* integer = in.as_integer()) {
      out.type = SpecNode::Type::Integer;
      out.integer = integer->get();
    } else if (const auto* real = in.as_floating_point()) {
      out.type = SpecNode::Type::Float;
      out.real = real->get();
    } else if (const auto* boolean = in.as_boolean()) {
      out.type = SpecNode::Type::Bool;
      out.boolean = boolean->get();
    } else {
      out.type = SpecNode::Type::DateTime;
      if (const auto* moment = in.as_date_time()) out.text = written(moment->get());
      if (const auto* date = in.as_date()) out.text = written(date->get());
      if (const auto* time = in.as_time()) out.text = written(time->get());
    }
  }

  SpecNode fail(std::string code, std::string message, const SpecNode& at) {
    if (!error_) error_ = limit_error(std::move(code), std::move(message), at.position);
    return at;
  }

  std::size_t keys_ = 0;
  std::optional<SpecError> error_;
};

}  // namespace

TreeResult tree_from_toml(std::string_view text) {
  if (const auto at = DepthGuard().too_deep(text))
    return {std::nullopt, limit_error("too_deep", fmt::format("nested deeper than {} levels", kSpecDepthMax), *at)};
  try {
    const toml::table document = toml::parse(text);
    Walk walk;
    SpecNode root = walk.node(document, 0);
    if (walk.error()) return {std::nullopt, walk.error()};
    return {std::move(root), std::nullopt};
  } catch (const toml::parse_error& fault) {
    const std::string message(fault.description());
    const bool twice = message.find("redefine") != std::string::npos;
    SpecError error = limit_error(twice ? "duplicate_key" : "syntax", message, position(fault.source()));
    return {std::nullopt, std::move(error)};
  }
}

}  // namespace framemill::jobs
