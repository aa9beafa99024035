// Reads one TOML table key by key; every key must be asked for, and what nobody asked for is an error that names the
// nearest known key. Private to the room; toml++ stays in toml_table.cpp and config.cpp.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace framemill::worker {

class TomlTable {
 public:
  // `field`: where the table stands ("slot[1]."), or empty for the file itself.
  explicit TomlTable(std::string field) : field_(std::move(field)) {}

  void string(const char* key, std::string& out);
  void path(const char* key, std::filesystem::path& out, const std::filesystem::path& directory);
  void integer(const char* key, std::int64_t least, std::int64_t most, std::function<void(std::int64_t)> take);
  void duration(const char* key, base::Duration& out, base::Duration least, base::Duration most);
  void size(const char* key, std::uint64_t& out);  // "8GiB", "512MiB"
  void cpus(const char* key, std::vector<int>& out);
  void strings(const char* key, std::vector<std::string>& out);
  using Reader = std::function<base::Status(const toml::node& node, const std::string& field)>;
  void other(const char* key, Reader reader) { readers_[key] = std::move(reader); }

  base::Status read(const toml::table& table) const;

 private:
  base::Error unknown(const std::string& key, const toml::node& node) const;
  std::string field_;
  std::map<std::string, Reader> readers_;
};

base::Error config_error(const toml::node& node, std::string code, const std::string& field, const std::string& message,
                         std::string hint = "");

}  // namespace framemill::worker
