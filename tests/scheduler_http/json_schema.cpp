#include "json_schema.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>
#include <set>
#include <stdexcept>

namespace framemill::testing {
namespace {

json::value scalar_of(const YAML::Node& node) {
  const std::string text = node.Scalar();
  if (node.Tag() == "!") return json::string(text);  // it was quoted
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return json::string(text);
}

json::value value_of(const YAML::Node& node) {
  if (node.IsMap()) {
    json::object object;
    for (const auto& item : node) {
      const std::string key = item.first.Scalar();
      if (!object.emplace(key, value_of(item.second)).second)
        throw std::runtime_error("the key " + key + " stands twice");
    }
    return object;
  }
  if (node.IsSequence()) {
    json::array array;
    for (const auto& item : node) array.push_back(value_of(item));
    return array;
  }
  if (node.IsNull()) return nullptr;
  return scalar_of(node);
}

bool is_of_type(const json::value& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  throw std::runtime_error("unknown type " + std::string(type));
}

std::string_view text_of(const json::value& value) {
  return {value.get_string().data(), value.get_string().size()};
}

const std::set<std::string_view> kKnown{
    "type",      "enum",     "const",    "properties",  "required", "additionalProperties",
    "items",     "allOf",    "oneOf",    "minimum",     "maximum",  "minLength",
    "maxLength", "minItems", "maxItems", "description", "default",  "$ref"};

}  // namespace

json::value read_yaml(const std::filesystem::path& path) {
  return value_of(YAML::LoadFile(path.string()));
}

const json::value& SchemaValidator::resolved(const json::value& value) const {
  const json::object* object = value.if_object();
  const json::value* reference = object != nullptr ? object->if_contains("$ref") : nullptr;
  if (reference == nullptr) return value;
  std::string_view rest = text_of(*reference);
  if (rest.substr(0, 2) != "#/") throw std::runtime_error("a reference that leaves the document: " + std::string(rest));
  rest.remove_prefix(2);
  const json::value* at = &document_;
  while (true) {
    const std::string_view step = rest.substr(0, rest.find('/'));
    at = at->is_object() ? at->get_object().if_contains(json::string_view(step.data(), step.size())) : nullptr;
    if (at == nullptr) throw std::runtime_error("a reference to nothing: " + std::string(text_of(*reference)));
    if (step.size() == rest.size()) return resolved(*at);
    rest.remove_prefix(step.size() + 1);
  }
}

std::vector<std::string> SchemaValidator::properties(const json::value& schema) const {
  std::vector<std::string> names;
  const json::object& object = resolved(schema).as_object();
  if (const json::value* own = object.if_contains("properties")) {
    for (const auto& [key, ignored] : own->as_object()) names.emplace_back(key);
  }
  if (const json::value* parts = object.if_contains("allOf")) {
    for (const json::value& part : parts->as_array()) {
      for (std::string& name : properties(part)) names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<std::string> SchemaValidator::check(const json::value& schema, const json::value& value) const {
  std::vector<std::string> findings;
  check_at(schema, value, "$", true, findings);
  return findings;
}

void SchemaValidator::check_object(const json::object& schema, const json::object& value, const std::string& where,
                                   bool strict, std::vector<std::string>& findings) const {
  if (const json::value* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (!value.contains(name.as_string()))
        findings.push_back(where + ": " + std::string(text_of(name)) + " is missing");
    }
  }
  const json::value* properties_here = schema.if_contains("properties");
  for (const auto& [key, member] : value) {
    const json::value* wanted = properties_here != nullptr ? properties_here->as_object().if_contains(key) : nullptr;
    if (wanted != nullptr) check_at(*wanted, member, where + "." + std::string(key), true, findings);
  }
  const std::vector<std::string> known = properties(schema);
  if (!strict || known.empty()) return;
  for (const auto& [key, ignored] : value) {
    if (std::find(known.begin(), known.end(), std::string_view(key)) == known.end()) {
      findings.push_back(where + ": " + std::string(key) + " is not in the schema");
    }
  }
}

void SchemaValidator::check_at(const json::value& reference, const json::value& value, const std::string& where,
                               bool strict, std::vector<std::string>& findings) const {
  const json::object& schema = resolved(reference).as_object();
  const auto fail = [&](const std::string& what) {
    findings.push_back(where + ": " + what + ": " + json::serialize(value).substr(0, 100));
  };
  for (const auto& [keyword, ignored] : schema) {
    if (kKnown.count(std::string_view(keyword)) == 0)
      fail("the validator does not know the keyword " + std::string(keyword));
  }
  if (const json::value* type = schema.if_contains("type")) {
    bool good = false;
    if (type->is_string()) good = is_of_type(value, text_of(*type));
    if (type->is_array()) {
      for (const json::value& one : type->get_array()) good = good || is_of_type(value, text_of(one));
    }
    if (!good) return fail("is not of type " + json::serialize(*type));
  }
  if (const json::value* list = schema.if_contains("enum")) {
    const json::array& values = list->as_array();
    if (std::find(values.begin(), values.end(), value) == values.end()) fail("is none of " + json::serialize(*list));
  }
  if (const json::value* wanted = schema.if_contains("const"); wanted != nullptr && *wanted != value)
    fail("is not " + json::serialize(*wanted));
  const auto bound = [&](const char* keyword) -> std::optional<std::int64_t> {
    const json::value* limit = schema.if_contains(keyword);
    return limit != nullptr ? std::optional<std::int64_t>(limit->as_int64()) : std::nullopt;
  };
  if (value.is_int64()) {
    if (auto least = bound("minimum"); least && value.get_int64() < *least) fail("is too small");
    if (auto most = bound("maximum"); most && value.get_int64() > *most) fail("is too large");
  }
  if (value.is_string()) {
    const auto size = static_cast<std::int64_t>(value.get_string().size());
    if (auto least = bound("minLength"); least && size < *least) fail("is too short");
    if (auto most = bound("maxLength"); most && size > *most) fail("is too long");
  }
  if (const json::array* array = value.if_array()) {
    const auto size = static_cast<std::int64_t>(array->size());
    if (auto least = bound("minItems"); least && size < *least) fail("has too few items");
    if (auto most = bound("maxItems"); most && size > *most) fail("has too many items");
    if (const json::value* items = schema.if_contains("items")) {
      for (std::size_t i = 0; i < array->size(); ++i)
        check_at(*items, (*array)[i], where + "[" + std::to_string(i) + "]", true, findings);
    }
  }
  if (const json::object* object = value.if_object()) check_object(schema, *object, where, strict, findings);
  if (const json::value* parts = schema.if_contains("allOf")) {
    for (const json::value& part : parts->as_array()) check_at(part, value, where, false, findings);
  }
  if (const json::value* choices = schema.if_contains("oneOf")) {
    int matches = 0;
    std::vector<std::string> why;
    for (const json::value& choice : choices->as_array()) {
      std::vector<std::string> here;
      check_at(choice, value, where, true, here);
      matches += here.empty() ? 1 : 0;
      why.insert(why.end(), here.begin(), here.end());
    }
    if (matches != 1) {
      fail("matches " + std::to_string(matches) + " of oneOf");
      findings.insert(findings.end(), why.begin(), why.end());
    }
  }
}

}  // namespace framemill::testing
