// openapi.yaml as JSON, and the part of JSON Schema that it uses, for holding recorded replies against it. Stricter
// than the standard on purpose: a keyword that the validator does not know and a reply's field that the schema does not
// name are findings. For tests.
#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace framemill::testing {

namespace json = boost::json;

// Plain scalars become null, booleans and integers where they read so; quoted ones stay text.
json::value read_yaml(const std::filesystem::path& path);

class SchemaValidator {
 public:
  explicit SchemaValidator(json::value document) : document_(std::move(document)) {}

  const json::value& document() const { return document_; }
  // What "$ref: #/a/b" points to, or the value itself.
  const json::value& resolved(const json::value& value) const;
  // What is wrong with the value, one line per finding; empty when it is valid.
  std::vector<std::string> check(const json::value& schema, const json::value& value) const;
  // All names of properties that the schema gives an object.
  std::vector<std::string> properties(const json::value& schema) const;

 private:
  void check_at(const json::value& schema, const json::value& value, const std::string& where, bool strict,
                std::vector<std::string>& findings) const;
  void check_object(const json::object& schema, const json::object& value, const std::string& where, bool strict,
                    std::vector<std::string>& findings) const;
  json::value document_;
};

}  // namespace framemill::testing
