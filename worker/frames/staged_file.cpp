#include "worker/frames/staged_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/os_error.h"
#include "base/relative_path.h"
#include "jobs/attempt_error.h"

namespace framemill::frames {
namespace {

constexpr std::size_t kOpenAtOnceMax = 64;  // descriptors that wait for their fsync
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kPassDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::string_view kFarmName = ".framemill";

// A path too long is what the task asked for; everything else is this host's storage, also a directory that is gone.
base::Error stage_error(int number, const std::string& what) {
  const bool of_the_task = number == ENAMETOOLONG || number == EINVAL;
  base::Error error = base::os_error(
      number, of_the_task ? text_of(jobs::AttemptError::FrameStage) : text_of(base::SystemError::StorageFailed), what);
  if (is(error, base::SystemError::StorageFull)) error.hint = "free space in the output root";
  return error;
}

// The staging directory: below its root, which a person may have put behind a link, no component is a link. On the way
// there handles will do: the directories above may be closed to this process.
int open_staging(const std::filesystem::path& staging) {
  std::filesystem::path top;
  auto component = staging.begin();
  while (component != staging.end() && component->string() != kFarmName) top /= *component++;
  if (component == staging.end()) return ::open(staging.c_str(), kOpenDirectory);
  int at = ::open(top.empty() ? "." : top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (; at >= 0 && component != staging.end(); ++component) {
    if (component->empty()) continue;
    const bool last = std::all_of(std::next(component), staging.end(), [](const auto& part) { return part.empty(); });
    const int next = ::openat(at, component->c_str(), last ? kOpenDirectory : kPassDirectory);
    const int number = errno;
    ::close(std::exchange(at, next));
    errno = number;
  }
  return at;
}

// Files and directories below, whatever there is; links are removed, not followed.
bool remove_all(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  const int fd = ::openat(parent, name.c_str(), kOpenDirectory);
  DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd);
  if (directory == nullptr) return false;
  bool removed = true;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view child = entry->d_name;
    if (child != "." && child != "..") removed = remove_all(fd, std::string(child)) && removed;
  }
  ::closedir(directory);
  return removed && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

bool write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

base::Result<StagedDirectory> StagedDirectory::make(const std::filesystem::path& staging, std::uint32_t task) {
  const std::string name = std::to_string(task), where = (staging / name).string();
  const int above = open_staging(staging);
  if (above < 0) return stage_error(errno, "open " + staging.string());
  StagedDirectory made(above, -1, name);
  if (!remove_all(above, name)) return stage_error(errno, "clear " + where);
  if (::mkdirat(above, name.c_str(), 0777) != 0) return stage_error(errno, "make " + where);
  made.directory_ = ::openat(above, name.c_str(), kOpenDirectory);
  if (made.directory_ < 0) return stage_error(errno, "open " + where);
  return made;
}

StagedDirectory::StagedDirectory(StagedDirectory&& other) noexcept
    : above_(std::exchange(other.above_, -1)), directory_(std::exchange(other.directory_, -1)),
      task_(std::move(other.task_)), unsynced_(std::exchange(other.unsynced_, {})) {}

StagedDirectory::~StagedDirectory() {
  for (const auto& [name, fd] : unsynced_) ::close(fd);
  for (const int fd : {above_, directory_})
    if (fd >= 0) ::close(fd);
}

base::Status StagedDirectory::failed(const char* what, const std::string& name) const {
  return stage_error(errno, fmt::format("{} {}/{}", what, task_, name));
}

base::Status StagedDirectory::write(const std::string& name, std::string_view bytes) {
  const int fd = ::openat(directory_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return failed("create", name);
  unsynced_.emplace_back(name, fd);
  if (!write_whole(fd, bytes)) return failed("write", name);
  return unsynced_.size() < kOpenAtOnceMax ? base::Status{} : sync();
}

base::Status StagedDirectory::adopt(const std::string& name) {
  const int fd = ::openat(directory_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
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
  if (::fsync(directory_) != 0 || ::fsync(above_) != 0) return failed("fsync", "");
  return {};
}

base::Status StagedDirectory::write_above(const std::string& name, std::string_view bytes) {
  const std::string temporary = name + ".part";
  ::unlinkat(above_, temporary.c_str(), 0);
  const int fd = ::openat(above_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return failed("create", "../" + temporary);
  const bool written = write_whole(fd, bytes) && ::fsync(fd) == 0;
  const base::Status status = written ? base::Status{} : failed("write", "../" + temporary);
  if (::close(fd) != 0 && status.ok()) return failed("close", "../" + temporary);
  FM_TRY(status);
  if (::renameat(above_, temporary.c_str(), above_, name.c_str()) != 0 || ::fsync(above_) != 0)
    return failed("rename", "../" + name);
  return {};
}

base::Status StagedDirectory::enter() const {
  return ::fchdir(directory_) == 0 ? base::Status{} : failed("enter", "");
}

std::string StagedDirectory::relative(const std::string& name) const {
  return task_ + "/" + name;
}

base::Result<std::string> file_name_of(const std::string& final_path) {
  const std::string name = final_path.substr(final_path.rfind('/') + 1);  // npos + 1: all of it
  if (base::path_flaw(name))
    return base::Error{"frames.path", fmt::format("'{}' does not end in a file name", final_path), "", ""};
  return name;
}

}  // namespace framemill::frames
