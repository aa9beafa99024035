// Where the server is and who asks: read from ~/.config/framemill/config.toml, then FRAMEMILL_SERVER and
// FRAMEMILL_TOKEN_FILE, then flags, the later the stronger. A token is only ever read from a private file. One thread.
//
// Errors: config.* , token.missing, token.permissions, token.format.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/terminal.h"

namespace framemill::cli {

struct Settings {
  std::string server = "http://127.0.0.1:8750";
  std::filesystem::path token_file;                    // empty: none is configured
  std::vector<std::filesystem::path> models;           // directories of model packages on this host
  std::map<std::string, std::filesystem::path> roots;  // output roots as this host sees them
};

// Flags as given; empty strings where they were not.
struct SettingFlags {
  std::string server, token_file;
};

std::filesystem::path user_config_directory(
    const Environment& environment);  // $XDG_CONFIG_HOME/framemill or ~/.config/framemill
// "~/x" with the home directory put in; other paths as they are.
std::filesystem::path expand_home(const std::string& path, const Environment& environment);

base::Result<Settings> load_settings(const SettingFlags& flags, const Environment& environment);

// The token in the file, without line end. Refuses a file that others can read or that belongs to another user.
base::Result<std::string> read_token(const std::filesystem::path& path);
// token.permissions when anyone but its owner can read the file, or when it belongs to somebody else.
base::Status check_private_file(const std::filesystem::path& path);

}  // namespace framemill::cli
