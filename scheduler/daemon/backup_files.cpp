#include "scheduler/daemon/backup_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "scheduler/store/store_error.h"

namespace framemill::scheduler {
namespace {

constexpr std::string_view kBegin = "jobs-", kEnd = ".db", kUnchecked = ".unchecked";

std::string stamp(base::WallTime time) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(static_cast<std::time_t>(time.unix_ms / 1000)));
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& directory, std::string_view end) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kBegin) && name.ends_with(end)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

base::Status make_backup_directory(const std::filesystem::path& directory) {
  struct stat facts{};
  if (::mkdir(directory.c_str(), 0700) == 0 || (::stat(directory.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)))
    return {};
  return base::error_of(store::StoreError::File, fmt::format("make {}: {}", directory.string(), std::strerror(errno)),
                        "", "make backup_directory, and give it to the scheduler's user");
}

std::filesystem::path unchecked_copy(const std::filesystem::path& directory, base::WallTime time) {
  return directory / fmt::format("{}{}-{:03}{}", kBegin, stamp(time), time.unix_ms % 1000, kUnchecked);
}

std::filesystem::path checked_copy(const std::filesystem::path& directory, base::WallTime time,
                                   std::uint64_t durable_sequence) {
  return directory / fmt::format("{}{}-batch-{}{}", kBegin, stamp(time), durable_sequence, kEnd);
}

std::vector<std::filesystem::path> list_backups(const std::filesystem::path& directory) {
  return files_of(directory, kEnd);
}

void rotate_backups(const std::filesystem::path& directory, std::size_t kept) {
  std::error_code ignored;
  for (const auto& left_behind : files_of(directory, kUnchecked)) std::filesystem::remove(left_behind, ignored);
  const std::vector<std::filesystem::path> backups = list_backups(directory);
  const std::size_t wanted = std::max<std::size_t>(kept, 1);
  for (std::size_t i = 0; i + wanted < backups.size(); ++i) std::filesystem::remove(backups[i], ignored);
}

}  // namespace framemill::scheduler
