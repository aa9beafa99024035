// Strict reading of one TOML table: every key is taken by name with a range, and what was not taken is an unknown key.
// Collects the first error, so that a parser reads as a list of its fields.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

class TomlReader {
 public:
  // `table` may be null: every required key is then missing. `prefix` is the table's own name, for error fields.
  TomlReader(const toml::table* table, std::string prefix, std::string error_code)
      : table_(table), prefix_(std::move(prefix)), code_(std::move(error_code)) {}

  std::string text(std::string_view key, std::size_t bytes_max);
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high);
  double number(std::string_view key, double low, double high);
  // One of `choices`; returns its place.
  std::size_t choice(std::string_view key, const std::vector<std::string>& choices);
  const toml::table* table(std::string_view key);
  const toml::array* array(std::string_view key);

  // Fails on keys nobody took; else the first error met, if any.
  base::Status finish();

 private:
  const toml::node* take(std::string_view key);
  void fail(std::string_view key, std::string reason);
  std::string field(std::string_view key) const;

  const toml::table* table_;
  std::string prefix_, code_;
  std::vector<std::string> known_;
  std::optional<base::Error> error_;
};

}  // namespace framemill::models
