#include "cli/settings.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "cli/settings_text.h"
#include "config/settings.h"

namespace framemill::cli {
namespace {

constexpr std::uint64_t kTokenFileBytesMax = 4096;

base::Status take_file(const std::filesystem::path& file, const Environment& environment, Settings& settings) {
  FM_ASSIGN(const std::string text, read_settings_text(file));
  const auto take = [&](config::SettingsTable& table) {
    std::string token_file;
    std::vector<std::string> models;
    table.text("server", settings.server);
    table.text("token_file", token_file);
    if (!token_file.empty()) settings.token_file = expand_home(token_file, environment);
    table.texts("models", models);
    for (const std::string& directory : models) settings.models.push_back(expand_home(directory, environment));
    table.entries("roots", [&](config::SettingsTable& roots, const std::string& name) {
      std::string path;
      roots.text(name, path);
      settings.roots[name] = expand_home(path, environment);
    });
  };
  const config::SettingsForm form{.lists = {}, .unknown_key_hint = "known are server, token_file, models and [roots]"};
  const base::Status status = config::read_settings(text, form, take);
  if (!status.ok()) return status.error().wrapped(file.string());
  return {};
}

}  // namespace

std::filesystem::path user_config_directory(const Environment& environment) {
  if (const std::string base = environment("XDG_CONFIG_HOME"); base.starts_with('/'))
    return std::filesystem::path(base) / "framemill";
  return std::filesystem::path(environment("HOME")) / ".config" / "framemill";
}

std::filesystem::path expand_home(const std::string& path, const Environment& environment) {
  if (path.starts_with("~/")) return std::filesystem::path(environment("HOME")) / path.substr(2);
  return path;
}

base::Result<Settings> load_settings(const SettingFlags& flags, const Environment& environment) {
  Settings settings;
  const std::filesystem::path directory = user_config_directory(environment);
  std::error_code ignored;
  if (std::filesystem::exists(directory / "config.toml", ignored))
    FM_TRY(take_file(directory / "config.toml", environment, settings));
  if (const std::string server = environment("FRAMEMILL_SERVER"); !server.empty()) settings.server = server;
  if (const std::string file = environment("FRAMEMILL_TOKEN_FILE"); !file.empty()) settings.token_file = file;
  if (!flags.server.empty()) settings.server = flags.server;
  if (!flags.token_file.empty()) settings.token_file = expand_home(flags.token_file, environment);
  if (settings.token_file.empty() && std::filesystem::exists(directory / "token", ignored))
    settings.token_file = directory / "token";
  return settings;
}

base::Status check_private_file(const std::filesystem::path& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0)
    return base::Error{"token.missing",
                       fmt::format("{}: {}", path.string(), std::strerror(errno)),
                       {},
                       "give --token-file FILE, or set token_file in config.toml"};
  if (!S_ISREG(facts.st_mode))
    return base::Error{"token.permissions", fmt::format("{} is not a plain file", path.string()), {}, {}};
  if (facts.st_uid != ::geteuid())
    return base::Error{
        "token.permissions", fmt::format("{} belongs to another user", path.string()), {}, "use a file of your own"};
  if ((facts.st_mode & 077) != 0)
    return base::Error{"token.permissions",
                       fmt::format("{} can be used by others (mode {:04o})", path.string(), facts.st_mode & 07777),
                       {},
                       fmt::format("chmod 600 {}", path.string())};
  return {};
}

base::Result<std::string> read_token(const std::filesystem::path& path) {
  FM_TRY(check_private_file(path));
  FM_ASSIGN(std::string token, base::read_file(path, kTokenFileBytesMax));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  // A header value: anything but visible ASCII could forge another header.
  const bool visible = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (token.empty() || !visible)
    return base::Error{"token.format", fmt::format("{} should hold one line with the token", path.string()), {}, {}};
  return token;
}

}  // namespace framemill::cli
