// JSON into a tree, by the events of Boost.JSON's parser: so that a key given twice is seen, limits hold while
// reading, and numbers are read exactly.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "config/text_index.h"
#include "config/tree.h"

namespace framemill::config {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// Builds the tree; a callback that returns false stops the parser, and `limit_` says why.
struct Builder {
  static constexpr std::size_t max_object_size = kKeysMax;
  static constexpr std::size_t max_array_size = kBytesMax;
  static constexpr std::size_t max_key_size = kStringBytesMax;
  static constexpr std::size_t max_string_size = kStringBytesMax;

  Node root;
  std::vector<Node> open;                                // tables and arrays not yet closed
  std::vector<std::string> keys;                         // for each open table, and for what will be put into it
  std::vector<std::set<std::string, std::less<>>> seen;  // the keys of each open table
  std::string part;
  std::size_t key_count = 0, string_count = 0;
  const std::vector<Mend>* mends = nullptr;  // of the text that is read, and where the original text's places are
  const TextIndex* places = nullptr;
  std::string limit_code, limit_message;

  bool stop(error_code& failure, std::string code, std::string message) {
    limit_code = std::move(code);
    limit_message = std::move(message);
    failure = json::error::exception;
    return false;
  }

  bool put(Node node) {
    if (open.empty()) {
      root = std::move(node);
    } else if (open.back().type == Node::Type::Array) {
      open.back().items.push_back(std::move(node));
    } else {
      open.back().members.emplace_back(std::move(keys.back()), std::move(node));
      keys.pop_back();
    }
    return true;
  }
  bool begin(Node::Type type) {
    Node node;
    node.type = type;
    open.push_back(std::move(node));
    seen.emplace_back();
    return true;
  }
  bool end() {
    Node node = std::move(open.back());
    open.pop_back();
    seen.pop_back();
    return put(std::move(node));
  }
  std::string take(json::string_view last) {
    std::string whole = std::move(part);
    part.clear();
    whole.append(last.data(), last.size());
    return whole;
  }
  bool add_part(json::string_view more) {
    part.append(more.data(), more.size());
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return begin(Node::Type::Table); }
  bool on_object_end(std::size_t, error_code&) { return end(); }
  bool on_array_begin(error_code&) { return begin(Node::Type::Array); }
  bool on_array_end(std::size_t, error_code&) { return end(); }
  bool on_key_part(json::string_view more, std::size_t, error_code&) { return add_part(more); }
  bool on_key(json::string_view last, std::size_t, error_code& failure) {
    std::string key = take(last);
    if (++key_count > kKeysMax) return stop(failure, "too_large", fmt::format("more than {} keys", kKeysMax));
    if (!seen.back().insert(key).second)
      return stop(failure, "duplicate_key", fmt::format("the key \"{}\" is given twice", key));
    keys.push_back(std::move(key));
    return true;
  }
  bool on_string_part(json::string_view more, std::size_t, error_code&) { return add_part(more); }
  bool on_string(json::string_view last, std::size_t, error_code&) {
    Node node;
    node.type = Node::Type::String;
    node.text = take(last);
    take_mend(node);
    ++string_count;
    return put(std::move(node));
  }
  // A string that stands in for what was written otherwise is found by its number.
  void take_mend(Node& node) const {
    if (mends == nullptr) return;
    for (const Mend& mend : *mends) {
      if (!mend.is_value() || mend.strings_before != string_count) continue;
      node.mend = std::make_shared<const Mend>(mend);
      node.position = places->position(mend.begin);
    }
  }
  bool on_number_part(json::string_view more, error_code&) { return add_part(more); }
  bool on_int64(std::int64_t value, json::string_view, error_code&) {
    part.clear();
    Node node;
    node.type = Node::Type::Integer;
    node.integer = value;
    node.written = fmt::format("{}", value);
    return put(std::move(node));
  }
  bool on_uint64(std::uint64_t value, json::string_view last, error_code& failure) {
    if (value <= INT64_MAX) return on_int64(static_cast<std::int64_t>(value), last, failure);
    return on_double(static_cast<double>(value), last, failure);
  }
  bool on_double(double, json::string_view last, error_code&) {
    // Read again: Boost's conversion may be off in the last place, and a stored spec must give the spec it came from.
    const std::string written = take(last);
    Node node;
    node.type = Node::Type::Float;
    const auto [end, fault] = std::from_chars(written.data(), written.data() + written.size(), node.real);
    if (fault != std::errc() || end != written.data() + written.size()) node.real = HUGE_VAL;
    node.written = written;
    if (written.find_first_of(".eE") == std::string::npos) {
      node.type = Node::Type::BigInteger;
      node.text = written;
    }
    return put(std::move(node));
  }
  bool on_bool(bool value, error_code&) {
    Node node;
    node.type = Node::Type::Bool;
    node.boolean = value;
    node.written = value ? "true" : "false";
    return put(std::move(node));
  }
  bool on_null(error_code&) { return put({}); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

// What is read of a text, or what is wrong with it and where.
struct JsonOutcome {
  std::optional<Node> root;
  std::string code, message;
  std::size_t offset = 0;  // where reading stopped
  bool is_syntax = false;  // rather than a limit
};

JsonOutcome read_json(std::string_view text, const std::vector<Mend>* mends, const TextIndex& places) {
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::basic_parser<Builder> parser(options);
  Builder& builder = parser.handler();
  builder.mends = mends;
  builder.places = &places;
  error_code failure;
  const std::size_t eaten = parser.write_some(false, text.data(), text.size(), failure);
  const auto fail = [&](std::string code, std::string message, bool is_syntax = false) {
    return JsonOutcome{std::nullopt, std::move(code), std::move(message), std::min(eaten, text.size()), is_syntax};
  };
  if (!builder.limit_code.empty())
    return {std::nullopt, builder.limit_code, builder.limit_message, std::min(eaten, text.size()), false};
  if (failure == json::error::too_deep) return fail("too_deep", fmt::format("nested deeper than {} levels", kDepthMax));
  if (failure == json::error::string_too_large || failure == json::error::key_too_large)
    return fail("too_large", fmt::format("a string of more than {} bytes", kStringBytesMax));
  if (failure == json::error::object_too_large) return fail("too_large", fmt::format("more than {} keys", kKeysMax));
  if (failure) return fail("syntax", fmt::format("the JSON does not parse: {}", failure.message()), true);
  const std::size_t rest = text.find_first_not_of(" \t\r\n", eaten);
  if (rest != std::string_view::npos) return fail("syntax", "there is text after the JSON document", true);
  if (builder.root.type != Node::Type::Table) return fail("syntax", "the JSON is not an object: { ... }");
  return {std::move(builder.root), {}, {}, 0, false};
}

}  // namespace

TreeResult tree_from_json(std::string_view text) {
  const TextIndex places(text);
  JsonOutcome outcome = read_json(text, nullptr, places);
  std::vector<Mend> mends;
  if (!outcome.root && (outcome.is_syntax || outcome.code == "duplicate_key")) mends = find_mends(text, Language::Json);
  if (!mends.empty()) outcome = read_json(mended(text, mends), &mends, places);

  TreeResult out;
  if (!outcome.root) {
    const std::size_t offset = original_offset(mends, outcome.offset);
    const Position at = places.position(offset);
    const std::string hint = outcome.is_syntax ? syntax_hint(text, offset, Language::Json) : "";
    out.error = Finding{outcome.code, at.line, at.column, "", outcome.message, "", hint};
  }
  for (const Mend& mend : mends)
    if (!mend.is_value() || !outcome.root)
      out.findings.push_back(finding(mend, places.position(mend.begin), Language::Json));
  out.root = std::move(outcome.root);
  return out;
}

}  // namespace framemill::config
