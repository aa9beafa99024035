// Reads an object of a server's answer field by field. The server may be of another version, broken or hostile: a
// missing or mistyped field is remembered as an error (the first one counts) and reads as an empty value; nothing
// throws. Texts come out safe to print. Pure; any thread.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/text.h"

namespace framemill::cli {

namespace json = boost::json;

// Errors: http.bad_reply. Depth and size are bounded by the parser and the HTTP client.
base::Result<json::value> parse_json(std::string_view text);

class JsonReader {
 public:
  // `what` names the object in errors: "job".
  JsonReader(const json::value& value, std::string what);

  // Whether the key is there at all: a scheduler that is older may not send it.
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::string text(std::string_view key, LineBreaks breaks = LineBreaks::Replace);
  std::string text_or_empty(std::string_view key);  // null or absent reads as ""
  std::int64_t integer(std::string_view key);
  std::optional<std::int64_t> optional_integer(std::string_view key);  // null or absent
  bool flag(std::string_view key);
  const json::array& list(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  const json::value& field(std::string_view key);

  // For the readers of inner objects: their first error becomes ours.
  void take(const base::Status& inner);
  base::Status status() const { return error_ ? base::Status(*error_) : base::Status(); }

 private:
  const json::value* find(std::string_view key) const;
  void fail(std::string_view key, std::string_view expected);

  const json::object* object_ = nullptr;
  std::string what_;
  std::optional<base::Error> error_;
};

}  // namespace framemill::cli
