#include "models/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jobs/nearest.h"

namespace framemill::models {

std::string TomlReader::field(std::string_view key) const {
  return prefix_.empty() ? std::string(key) : prefix_ + "." + std::string(key);
}

void TomlReader::fail(std::string_view key, std::string reason) {
  if (!error_) error_ = base::Error{code_, field(key) + " " + reason, field(key), ""};
}

const toml::node* TomlReader::take(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = table_ ? table_->get(key) : nullptr;
  if (!node) fail(key, "is missing");
  return node;
}

std::string TomlReader::text(std::string_view key, std::size_t bytes_max) {
  const toml::node* node = take(key);
  if (!node) return {};
  const auto value = node->value_exact<std::string>();
  if (!value || value->empty() || value->size() > bytes_max) {
    fail(key, fmt::format("is a text of 1 to {} bytes", bytes_max));
    return {};
  }
  return *value;
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t low, std::int64_t high) {
  const toml::node* node = take(key);
  if (!node) return low;
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < low || *value > high) {
    fail(key, fmt::format("is an integer from {} to {}", low, high));
    return low;
  }
  return *value;
}

double TomlReader::number(std::string_view key, double low, double high) {
  const toml::node* node = take(key);
  if (!node) return low;
  const auto value = node->value<double>();
  if (!value || !std::isfinite(*value) || *value < low || *value > high) {
    fail(key, fmt::format("is a number from {} to {}", low, high));
    return low;
  }
  return *value;
}

std::size_t TomlReader::choice(std::string_view key, const std::vector<std::string>& choices) {
  const std::string value = text(key, 64);
  const auto found = std::find(choices.begin(), choices.end(), value);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  fail(key, "is one of: " + list);
  return 0;
}

const toml::table* TomlReader::table(std::string_view key) {
  const toml::node* node = take(key);
  if (node && !node->is_table()) fail(key, "is a table");
  return node ? node->as_table() : nullptr;
}

const toml::array* TomlReader::array(std::string_view key) {
  const toml::node* node = take(key);
  if (node && !node->is_array()) fail(key, "is a list");
  return node ? node->as_array() : nullptr;
}

base::Status TomlReader::finish() {
  if (table_) {
    for (const auto& [key, node] : *table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
      const std::string near = jobs::nearest(key.str(), known_);
      return base::Error{code_, "unknown key '" + field(key.str()) + "'", field(key.str()),
                         near.empty() ? "" : "did you mean '" + near + "'?"};
    }
  }
  if (error_) return *error_;
  return {};
}

}  // namespace framemill::models
