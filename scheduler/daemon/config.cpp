#include "scheduler/daemon/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <sstream>
#include <toml++/toml.h>

#include "base/file.h"

namespace framemill::scheduler {
namespace {

using base::Error;
using base::Result;
using base::Status;

constexpr std::uint64_t kConfigBytesMax = 256 << 10;

Error at(const toml::node& node, std::string code, std::string key, const std::string& message, std::string hint = "") {
  return Error{std::move(code), fmt::format("line {}: {}: {}", node.source().begin.line, key, message), key, std::move(hint)};
}

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

// "90s", "5m", "2h", "250ms".
std::optional<base::Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return base::milliseconds(number);
  if (unit == "s") return base::seconds(number);
  if (unit == "m") return base::seconds(number * 60);
  if (unit == "h") return base::seconds(number * 3600);
  return std::nullopt;
}

// "tcp://127.0.0.1:8485", "tcp://*:8485", "tcp://[::1]:*". Whether the address is this host's is seen when it is opened.
bool is_tcp_endpoint(std::string_view text) {
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t colon = text.rfind(':');
  if (!text.starts_with(kScheme) || colon == std::string_view::npos || colon <= kScheme.size()) return false;
  const std::string_view port = text.substr(colon + 1);
  if (port == "*") return true;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number <= 65535;
}

class Reader {
 public:
  Reader(SchedulerConfig& config, std::filesystem::path directory) : config_(config), directory_(std::move(directory)) {
    string("listen_http", config_.listen_http);
    keys_["listen_workers"] = [this](const toml::node& node, const std::string& key) -> Status {
      if (!node.is_string() || !is_tcp_endpoint(node.as_string()->get()))
        return at(node, "config.wrong_type", key, "is tcp://ADDRESS:PORT", "tcp://*:8485 listens on all addresses");
      config_.listen_workers = node.as_string()->get();
      return {};
    };
    keys_["allow_remote"] = [this](const toml::node& node, const std::string& key) -> Status {
      if (!node.is_boolean()) return at(node, "config.wrong_type", key, "is true or false");
      config_.allow_remote = node.as_boolean()->get();
      return {};
    };
    keys_["http_limits"] = [this](const toml::node& node, const std::string& key) { return http_limits(node, key); };
    path("data_directory", config_.data_directory);
    path("key_file", config_.key_file);
    path("workers_file", config_.workers_file);
    path("tokens_file", config_.tokens_file);
    keys_["models"] = [this](const toml::node& node, const std::string& key) { return models(node, key); };
    keys_["roots"] = [this](const toml::node& node, const std::string& key) { return roots(node, key); };
    duration("lease_ttl", config_.lease_ttl, base::seconds(5), base::seconds(3600));
    duration("missing_after", config_.missing_after, base::seconds(1), base::seconds(30 * 24 * 3600));
    duration("silence_alarm", config_.silence_alarm, base::seconds(10), base::seconds(600));  // idle workers report every 5 s
  }

  Status read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto reader = keys_.find(name);
      if (reader == keys_.end()) return unknown(name, node);
      FM_TRY(reader->second(node, name));
    }
    for (const char* required : {"data_directory", "key_file", "workers_file", "tokens_file"})
      if (!table.contains(required))
        return Error{"config.missing_key", fmt::format("{} is not set", required), required, "see configs/scheduler.toml"};
    return {};
  }

 private:
  using KeyReader = std::function<Status(const toml::node&, const std::string&)>;

  void string(const char* key, std::string& out) {
    keys_[key] = [&out](const toml::node& node, const std::string& name) -> Status {
      if (!node.is_string()) return at(node, "config.wrong_type", name, "is a string");
      out = node.as_string()->get();
      return {};
    };
  }
  void path(const char* key, std::filesystem::path& out) {
    keys_[key] = [this, &out](const toml::node& node, const std::string& name) -> Status {
      if (!node.is_string() || node.as_string()->get().empty()) return at(node, "config.wrong_type", name, "is a path");
      out = directory_ / node.as_string()->get();
      return {};
    };
  }
  void duration(const char* key, base::Duration& out, base::Duration least, base::Duration most) {
    keys_[key] = [&out, least, most](const toml::node& node, const std::string& name) -> Status {
      const auto value = node.is_string() ? parse_duration(node.as_string()->get()) : std::nullopt;
      if (!value) return at(node, "config.wrong_type", name, "is a duration such as \"90s\" or \"5m\"");
      if (*value < least || *value > most)
        return at(node, "config.out_of_range", name, fmt::format("lies between {} s and {} s", least.ms / 1000, most.ms / 1000));
      out = *value;
      return {};
    };
  }
  Status models(const toml::node& node, const std::string& key) {
    if (!node.is_array()) return at(node, "config.wrong_type", key, "is a list of directories");
    for (const toml::node& entry : *node.as_array()) {
      if (!entry.is_string()) return at(entry, "config.wrong_type", key, "is a list of directories");
      config_.models.push_back(directory_ / entry.as_string()->get());
    }
    return {};
  }
  Status roots(const toml::node& node, const std::string& key) {
    if (!node.is_table()) return at(node, "config.wrong_type", key, "is a table: name = \"path\"");
    for (const auto& [name, entry] : *node.as_table()) {
      if (!entry.is_string()) return at(entry, "config.wrong_type", key + "." + std::string(name.str()), "is a path");
      const std::string& path = entry.as_string()->get();
      config_.roots[std::string(name.str())] = path.empty() ? std::filesystem::path() : directory_ / path;
    }
    return {};
  }
  Status http_limits(const toml::node& node, const std::string& key) {
    if (!node.is_table()) return at(node, "config.wrong_type", key, "is a table: connections = 1024");
    struct Limit {
      std::uint32_t& value;
      std::int64_t least, most;
    };
    HttpLimitsConfig& limits = config_.http_limits;
    const std::map<std::string, Limit> known{
        {"connections", {limits.connections, 16, 65'536}},
        {"connections_per_address", {limits.connections_per_address, 4, 65'536}},
        {"connections_per_token", {limits.connections_per_token, 4, 65'536}},
        {"requests_at_once_per_token", {limits.requests_at_once_per_token, 1, 1'024}},
        {"requests_per_second_per_token", {limits.requests_per_second_per_token, 1, 100'000}},
        {"requests_per_second_per_address", {limits.requests_per_second_per_address, 1, 100'000}}};
    for (const auto& [name, entry] : *node.as_table()) {
      const std::string full = key + "." + std::string(name.str());
      const auto limit = known.find(std::string(name.str()));
      if (limit == known.end()) return unknown_among(known, std::string(name.str()), full, entry);
      const auto value = entry.is_integer() ? std::optional(entry.as_integer()->get()) : std::nullopt;
      if (!value) return at(entry, "config.wrong_type", full, "must be a whole number");
      if (*value < limit->second.least || *value > limit->second.most)
        return at(entry, "config.out_of_range", full,
                  fmt::format("must be from {} to {}, not {}", limit->second.least, limit->second.most, *value));
      limit->second.value = static_cast<std::uint32_t>(*value);
    }
    return {};
  }
  Status unknown(const std::string& name, const toml::node& node) const {
    return unknown_among(keys_, name, name, node);
  }
  template <class Known>
  static Status unknown_among(const Known& among, const std::string& name, const std::string& full,
                              const toml::node& node) {
    std::string nearest;
    std::size_t best = 4;
    for (const auto& [known, reader] : among)
      if (const std::size_t d = edit_distance(name, known); d < best) {
        best = d;
        nearest = known;
      }
    return at(node, "config.unknown_key", full, "is not a setting of the scheduler",
              nearest.empty() ? "see configs/scheduler.toml" : fmt::format("did you mean {}?", nearest));
  }

  SchedulerConfig& config_;
  std::filesystem::path directory_;
  std::map<std::string, KeyReader> keys_;
};

}  // namespace

Result<SchedulerConfig> parse_scheduler_config(std::string_view text, const std::filesystem::path& directory) {
  SchedulerConfig config;
  try {
    const toml::table table = toml::parse(text);
    FM_TRY(Reader(config, directory).read(table));
  } catch (const toml::parse_error& error) {
    return Error{"config.syntax", fmt::format("line {}: {}", error.source().begin.line, error.description()), "", ""};
  }
  return config;
}

Result<SchedulerConfig> read_scheduler_config(const std::filesystem::path& path) {
  auto text = base::read_file(path, kConfigBytesMax);
  if (!text.ok()) return Error{"config.read", text.error().message, "", "name the file with --config"};
  auto config = parse_scheduler_config(*text, std::filesystem::absolute(path).parent_path());
  if (!config.ok()) return config.error().wrapped(path.string());
  return config;
}

}  // namespace framemill::scheduler
