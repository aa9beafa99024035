#include "worker/frames/staged_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/os_error.h"

namespace framemill::frames {
namespace {

constexpr std::size_t kOpenAtOnceMax = 64;  // descriptors that wait for their fsync

// A path too long is what the task asked for; everything else is this host's storage, also a directory that is gone.
base::Error stage_error(int number, const std::string& what) {
  const bool of_the_task = number == ENAMETOOLONG || number == EINVAL;
  base::Error error = base::os_error(number, of_the_task ? "frames.stage" : "storage_failed", what);
  if (error.code == "storage_full") error.hint = "free space in the output root";
  return error;
}

// What base::sync_directory says, in the words used here.
base::Status storage_status(const base::Status& status) {
  if (status.ok()) return status;
  return base::Error{status.error().code == "file.disk_full" ? "storage_full" : "storage_failed",
                     status.error().message, "", ""};
}

}  // namespace

base::Result<StagedDirectory> StagedDirectory::make(const std::filesystem::path& staging, std::uint32_t task) {
  const std::filesystem::path path = staging / std::to_string(task);
  std::error_code ec;
  std::filesystem::remove_all(path, ec);
  if (ec) return stage_error(ec.value(), "clear " + path.string());
  std::filesystem::create_directory(path, ec);
  if (ec) return stage_error(ec.value(), "make " + path.string());
  return StagedDirectory(path);
}

StagedDirectory::StagedDirectory(StagedDirectory&& other) noexcept
    : path_(std::move(other.path_)), unsynced_(std::exchange(other.unsynced_, {})) {}

StagedDirectory::~StagedDirectory() {
  for (const auto& [name, fd] : unsynced_) ::close(fd);
}

base::Status StagedDirectory::failed(const char* what, const std::string& name) const {
  return stage_error(errno, fmt::format("{} {}", what, (path_ / name).string()));
}

base::Status StagedDirectory::write(const std::string& name, std::string_view bytes) {
  const int fd = ::open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return failed("create", name);
  unsynced_.emplace_back(name, fd);
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", name);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return unsynced_.size() < kOpenAtOnceMax ? base::Status{} : sync();
}

base::Status StagedDirectory::adopt(const std::string& name) {
  const int fd = ::open((path_ / name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return failed("open", name);
  unsynced_.emplace_back(name, fd);
  return {};
}

base::Status StagedDirectory::sync() {
  base::Status status;
  for (const auto& [name, fd] : std::exchange(unsynced_, {})) {
    if (status.ok() && ::fsync(fd) != 0) status = failed("fsync", name);
    // Network file systems report a full disk as late as here.
    if (::close(fd) != 0 && status.ok()) status = failed("close", name);
  }
  FM_TRY(status);
  FM_TRY(storage_status(base::sync_directory(path_)));
  return storage_status(base::sync_directory(path_.parent_path()));
}

std::string StagedDirectory::relative(const std::string& name) const {
  return path_.filename().string() + "/" + name;
}

base::Result<std::string> file_name_of(const std::string& final_path) {
  const std::string name = std::filesystem::path(final_path).filename().string();
  if (name.empty() || name == "." || name == ".." || name.size() > 255)
    return base::Error{"frames.path", fmt::format("'{}' does not end in a file name", final_path), "", ""};
  return name;
}

}  // namespace framemill::frames
