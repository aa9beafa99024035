#include "models/import/config_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>
#include <optional>

#include "base/file.h"

namespace framemill::models {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kConfigBytesMax = 4 << 20;
constexpr std::size_t kListMax = 4096;

json::string_view key_of(std::string_view key) {
  return {key.data(), key.size()};
}

std::optional<int> int_of(const json::value& value) {
  if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() > std::numeric_limits<int>::max())
    return std::nullopt;
  return static_cast<int>(value.get_int64());
}

std::optional<double> number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
  return std::nullopt;
}

// null, false, "" and containers of nothing.
bool is_empty(const json::value& value) {
  return value.is_null() || (value.is_bool() && !value.get_bool()) ||
         (value.is_string() && value.get_string().empty()) || (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty());
}

}  // namespace

base::Result<json::object> read_json_file(const std::filesystem::path& path) {
  FM_ASSIGN(const std::string text, base::read_file(path, kConfigBytesMax));
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 16;
  const json::value value = json::parse(json::string_view(text), ec, {}, options);
  if (ec)
    return base::Error{"model.import", path.string() + " is not valid JSON: " + ec.message(), "",
                       "fetch the file again"};
  if (!value.is_object())
    return base::Error{"model.import", path.string() + " is not a JSON object", "", "fetch the file again"};
  return value.get_object();
}

const json::value* ConfigReader::take(std::string_view key) {
  known_.emplace_back(key);
  const json::value* value = object_.if_contains(key_of(key));
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool ConfigReader::has(std::string_view key) const {
  const json::value* value = object_.if_contains(key_of(key));
  return value != nullptr && !value->is_null();
}

void ConfigReader::fail(std::string message) {
  if (error_.ok()) error_ = base::Error{"model.import", file_ + ": " + std::move(message), "", ""};
}

void ConfigReader::wrong(std::string_view key, std::string_view expected) {
  fail(fmt::format("\"{}\" is not {}", key, expected));
}

void ConfigReader::integer(std::string_view key, int& out) {
  const json::value* value = take(key);
  if (value == nullptr) return;
  if (const auto number = int_of(*value))
    out = *number;
  else
    wrong(key, "a whole number");
}

void ConfigReader::number(std::string_view key, double& out) {
  const json::value* value = take(key);
  if (value == nullptr) return;
  if (const auto number = number_of(*value))
    out = *number;
  else
    wrong(key, "a number");
}

void ConfigReader::flag(std::string_view key, bool& out) {
  const json::value* value = take(key);
  if (value == nullptr) return;
  if (value->is_bool())
    out = value->get_bool();
  else
    wrong(key, "true or false");
}

void ConfigReader::text(std::string_view key, std::string& out) {
  const json::value* value = take(key);
  if (value == nullptr) return;
  if (value->is_string())
    out = std::string(value->get_string());
  else
    wrong(key, "a text");
}

template <class T, class Read>
void ConfigReader::list(std::string_view key, std::vector<T>& out, std::string_view expected, Read read) {
  const json::value* value = take(key);
  if (value == nullptr) return;
  std::vector<T> items;
  bool good = value->is_array() && value->get_array().size() <= kListMax;
  if (good) {
    for (const json::value& item : value->get_array()) {
      const auto one = read(item);
      good = good && one.has_value();
      if (one) items.push_back(*one);
    }
  }
  if (good)
    out = std::move(items);
  else
    wrong(key, expected);
}

void ConfigReader::integers(std::string_view key, std::vector<int>& out) {
  list(key, out, "a list of whole numbers", int_of);
}
void ConfigReader::numbers(std::string_view key, std::vector<double>& out) {
  list(key, out, "a list of numbers", number_of);
}
void ConfigReader::flags(std::string_view key, std::vector<bool>& out) {
  list(key, out, "a list of true and false",
       [](const json::value& item) { return item.is_bool() ? std::optional<bool>(item.get_bool()) : std::nullopt; });
}

void ConfigReader::ignore(std::initializer_list<std::string_view> keys) {
  known_.insert(known_.end(), keys.begin(), keys.end());
}

void ConfigReader::expect(std::string_view key, std::string_view only) {
  std::string value(only);
  text(key, value);
  if (value != only) fail(fmt::format("\"{}\" is \"{}\"; Framemill runs models with \"{}\" alone", key, value, only));
}

base::Status ConfigReader::finish() const {
  FM_TRY(error_);
  for (const auto& entry : object_) {
    const std::string key(entry.key());
    if (key.starts_with('_') || is_empty(entry.value())) continue;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    return base::Error{"model.import",
                       fmt::format("{}: \"{}\" is a setting that Framemill does not know; it may change what the "
                                   "network computes",
                                   file_, key),
                       "", "this version of the model is not supported"};
  }
  return {};
}

}  // namespace framemill::models
