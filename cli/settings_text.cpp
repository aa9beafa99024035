#include "cli/settings_text.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/exit_code.h"

namespace framemill::cli {

base::Result<std::string> read_settings_text(const std::filesystem::path& path) {
  constexpr std::uint64_t kFileBytesMax = 256 * 1024;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return base::error_of(ConfigError::Missing, fmt::format("{} does not exist", path.string()));
  if (!std::filesystem::is_regular_file(path, ignored))  // a pipe or a device may never end
    return base::error_of(ConfigError::Unreadable, fmt::format("{} is not a plain file", path.string()));
  auto text = base::read_file(path, kFileBytesMax);
  if (!text.ok()) return base::error_of(ConfigError::Unreadable, text.error().message, {}, text.error().hint);
  return text;
}

}  // namespace framemill::cli
