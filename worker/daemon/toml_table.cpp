#include "worker/daemon/toml_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace framemill::worker {
namespace {

using base::Status;

constexpr std::size_t kListMax = 1024;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// A whole number and the unit behind it.
std::optional<std::pair<std::uint64_t, std::string_view>> number_and_unit(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

std::optional<base::Duration> parse_duration(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts || parts->first > 1'000'000'000) return std::nullopt;
  const auto number = static_cast<std::int64_t>(parts->first);
  if (parts->second == "ms") return base::milliseconds(number);
  if (parts->second == "s") return base::seconds(number);
  if (parts->second == "m") return base::seconds(number * 60);
  if (parts->second == "h") return base::seconds(number * 3600);
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts || parts->first > 1'000'000) return std::nullopt;
  if (parts->second == "KiB") return parts->first << 10;
  if (parts->second == "MiB") return parts->first << 20;
  if (parts->second == "GiB") return parts->first << 30;
  if (parts->second == "TiB") return parts->first << 40;
  return std::nullopt;
}

const std::string* text_of(const toml::node& node) {
  return node.is_string() ? &node.as_string()->get() : nullptr;
}

}  // namespace

base::Error config_error(const toml::node& node, std::string code, const std::string& field, const std::string& message,
                         std::string hint) {
  return {std::move(code), fmt::format("line {}: {} {}", node.source().begin.line, field, message), field,
          std::move(hint)};
}

void TomlTable::string(const char* key, std::string& out) {
  readers_[key] = [&out](const toml::node& node, const std::string& field) -> Status {
    const std::string* text = text_of(node);
    if (text == nullptr || text->empty()) return config_error(node, "config.wrong_type", field, "is a string");
    out = *text;
    return {};
  };
}

void TomlTable::path(const char* key, std::filesystem::path& out, const std::filesystem::path& directory) {
  readers_[key] = [&out, directory](const toml::node& node, const std::string& field) -> Status {
    const std::string* text = text_of(node);
    if (text == nullptr || text->empty()) return config_error(node, "config.wrong_type", field, "is a path");
    out = (directory / *text).lexically_normal();
    return {};
  };
}

void TomlTable::integer(const char* key, std::int64_t least, std::int64_t most,
                        std::function<void(std::int64_t)> take) {
  readers_[key] = [least, most, take = std::move(take)](const toml::node& node, const std::string& field) -> Status {
    if (!node.is_integer()) return config_error(node, "config.wrong_type", field, "is a whole number");
    const std::int64_t value = node.as_integer()->get();
    if (value < least || value > most)
      return config_error(node, "config.out_of_range", field, fmt::format("lies between {} and {}", least, most));
    take(value);
    return {};
  };
}

void TomlTable::duration(const char* key, base::Duration& out, base::Duration least, base::Duration most) {
  readers_[key] = [&out, least, most](const toml::node& node, const std::string& field) -> Status {
    const std::string* text = text_of(node);
    const auto value = text ? parse_duration(*text) : std::nullopt;
    if (!value) return config_error(node, "config.wrong_type", field, "is a duration such as \"90s\" or \"5m\"");
    if (*value < least || *value > most)
      return config_error(node, "config.out_of_range", field,
                          fmt::format("lies between {} ms and {} s", least.ms, most.ms / 1000));
    out = *value;
    return {};
  };
}

void TomlTable::size(const char* key, std::uint64_t& out) {
  readers_[key] = [&out](const toml::node& node, const std::string& field) -> Status {
    const std::string* text = text_of(node);
    const auto value = text ? parse_size(*text) : std::nullopt;
    if (!value || *value == 0)
      return config_error(node, "config.wrong_type", field, "is a size such as \"512MiB\" or \"8GiB\"");
    out = *value;
    return {};
  };
}

void TomlTable::cpus(const char* key, std::vector<int>& out) {
  readers_[key] = [&out](const toml::node& node, const std::string& field) -> Status {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->empty() || list->size() > kListMax)
      return config_error(node, "config.wrong_type", field, "is a list of CPU numbers, such as [0, 1]");
    out.clear();
    for (const toml::node& entry : *list) {
      if (!entry.is_integer() || entry.as_integer()->get() < 0 || entry.as_integer()->get() >= 1024)
        return config_error(entry, "config.wrong_type", field, "is a list of CPU numbers, such as [0, 1]");
      out.push_back(static_cast<int>(entry.as_integer()->get()));
    }
    return {};
  };
}

void TomlTable::strings(const char* key, std::vector<std::string>& out) {
  readers_[key] = [&out](const toml::node& node, const std::string& field) -> Status {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->size() > kListMax)
      return config_error(node, "config.wrong_type", field, "is a list of strings");
    out.clear();
    for (const toml::node& entry : *list) {
      const std::string* text = text_of(entry);
      if (text == nullptr || text->empty())
        return config_error(entry, "config.wrong_type", field, "is a list of strings");
      out.push_back(*text);
    }
    return {};
  };
}

base::Error TomlTable::unknown(const std::string& key, const toml::node& node) const {
  std::string nearest;
  std::size_t best = 4;
  for (const auto& [known, reader] : readers_)
    if (const std::size_t distance = edit_distance(key, known); distance < best) {
      best = distance;
      nearest = known;
    }
  return config_error(node, "config.unknown_key", field_ + key, "is not a setting here",
                      nearest.empty() ? "see docs/worker-toml.md" : fmt::format("did you mean {}?", nearest));
}

Status TomlTable::read(const toml::table& table) const {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto reader = readers_.find(name);
    if (reader == readers_.end()) return unknown(name, node);
    FM_TRY(reader->second(node, field_ + name));
  }
  return {};
}

}  // namespace framemill::worker
