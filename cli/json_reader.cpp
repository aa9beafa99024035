#include "cli/json_reader.h"

#include <fmt/format.h>

#include "net/net_error.h"

namespace framemill::cli {
namespace {

const json::array kEmptyList;
const json::value kNull;

base::Error bad_reply(std::string message) {
  return base::error_of(net::HttpError::BadReply, std::move(message), {},
                        "is --server a framemill scheduler of a compatible version?");
}

}  // namespace

base::Result<json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return bad_reply("the server's answer is not valid JSON: " + error.message());
  return value;
}

JsonReader::JsonReader(const json::value& value, std::string what) : what_(std::move(what)) {
  object_ = value.if_object();
  if (!object_) error_ = bad_reply(fmt::format("the server's answer has no object where a {} was expected", what_));
}

const json::value* JsonReader::find(std::string_view key) const {
  return object_ ? object_->if_contains(json::string_view(key.data(), key.size())) : nullptr;
}

void JsonReader::fail(std::string_view key, std::string_view expected) {
  if (!error_) error_ = bad_reply(fmt::format("the server's answer: {}.{} should be {}", what_, key, expected));
}

std::string JsonReader::text(std::string_view key, LineBreaks breaks) {
  const json::value* value = find(key);
  if (const json::string* string = value ? value->if_string() : nullptr)
    return printable(std::string_view(string->data(), string->size()), breaks);
  fail(key, "a string");
  return {};
}

std::string JsonReader::text_or_empty(std::string_view key) {
  const json::value* value = find(key);
  return value && !value->is_null() ? text(key) : std::string();
}

std::int64_t JsonReader::integer(std::string_view key) {
  const json::value* value = find(key);
  if (value && value->is_int64()) return value->get_int64();
  if (value && value->is_uint64() && value->get_uint64() <= INT64_MAX)
    return static_cast<std::int64_t>(value->get_uint64());
  fail(key, "a whole number");
  return 0;
}

std::optional<std::int64_t> JsonReader::optional_integer(std::string_view key) {
  const json::value* value = find(key);
  if (!value || value->is_null()) return std::nullopt;
  return integer(key);
}

bool JsonReader::flag(std::string_view key) {
  const json::value* value = find(key);
  if (value && value->is_bool()) return value->get_bool();
  fail(key, "true or false");
  return false;
}

const json::array& JsonReader::list(std::string_view key) {
  const json::value* value = find(key);
  if (value && value->is_array()) return value->get_array();
  fail(key, "a list");
  return kEmptyList;
}

std::vector<std::string> JsonReader::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const json::value& item : list(key)) {
    if (!item.is_string()) {
      fail(key, "a list of strings");
      break;
    }
    out.push_back(printable(std::string_view(item.get_string().data(), item.get_string().size())));
  }
  return out;
}

const json::value& JsonReader::field(std::string_view key) {
  if (const json::value* value = find(key)) return *value;
  fail(key, "there");
  return kNull;
}

void JsonReader::take(const base::Status& inner) {
  if (!error_ && !inner.ok()) error_ = inner.error();
}

}  // namespace framemill::cli
