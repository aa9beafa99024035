#include "worker/supervisor/root_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/file.h"
#include "base/os_error.h"
#include "base/path_error.h"
#include "base/relative_path.h"
#include "base/sha256.h"
#include "base/text.h"
#include "jobs/attempt_error.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kPathShownMax = 200;

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kRemoveDepthMax = 64;
constexpr std::time_t kLockStale_s = 600;  // clocks of hosts and file servers differ by less

// Opens one component below `parent`, making it if asked.
base::Result<UniqueFd> step_into(int parent, const std::string& component, MakeDirectories make,
                                 std::string_view whole) {
  UniqueFd next(::openat(parent, component.c_str(), kDirectory));
  if (!next && errno == ENOENT && make == MakeDirectories::Yes) {
    if (::mkdirat(parent, component.c_str(), 0777) != 0 && errno != EEXIST)
      return storage_error(errno, fmt::format("make directory {} of {}", component, whole));
    if (::fsync(parent) != 0) return storage_error(errno, fmt::format("sync the parent of {} in {}", component, whole));
    next = UniqueFd(::openat(parent, component.c_str(), kDirectory));
  }
  if (next) return next;
  // O_DIRECTORY makes the kernel answer ENOTDIR for a link; tell it apart from a plain file in the way.
  struct stat facts{};
  if (errno == ENOTDIR && ::fstatat(parent, component.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(facts.st_mode))
    return storage_error(ELOOP, fmt::format("{} of {}", component, whole));
  return storage_error(errno, fmt::format("open directory {} of {}", component, whole));
}

base::Status remove_below(int parent, const std::string& name, int depth) {
  if (depth > kRemoveDepthMax)
    return base::Error{"storage_failed", fmt::format("{}: more than {} levels deep", name, kRemoveDepthMax), "", ""};
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return storage_error(errno, "remove " + name);
  {
    UniqueFd fd(::openat(parent, name.c_str(), kDirectory));
    if (!fd) return errno == ENOENT ? base::Status{} : storage_error(errno, "open to remove " + name);
    const UniqueDir dir(::fdopendir(::dup(fd.get())));
    if (!dir) return storage_error(errno, "list to remove " + name);
    std::vector<std::string> entries;
    while (const dirent* entry = ::readdir(dir.get()))
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        entries.emplace_back(entry->d_name);
    for (const std::string& entry : entries) FM_TRY(remove_below(fd.get(), entry, depth + 1));
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return storage_error(errno, "remove directory " + name);
  return {};
}

// What the farm keeps for itself: nobody else has a business to put a link there.
bool is_own(const std::vector<std::string>& components) {
  return components.front() == ".framemill";
}

base::Error link_out(std::string_view what) {
  return base::error_of(base::PathError::Link, fmt::format("{} is a link that leads out of every root", what), "",
                        "link inside the roots, or list the other tree under [roots] of the worker.toml");
}

// `key = "value"` of a marker, or nothing.
std::string value_of(std::string_view marker, std::string_view key) {
  while (!marker.empty()) {
    const std::size_t end = std::min(marker.find('\n'), marker.size());
    const std::string_view line = marker.substr(0, end);
    marker.remove_prefix(std::min(marker.size(), end + 1));
    const std::string start = fmt::format("{} = \"", key);
    if (line.starts_with(start) && line.size() > start.size() && line.back() == '"')
      return std::string(line.substr(start.size(), line.size() - start.size() - 1));
  }
  return {};
}

bool is_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

constexpr std::size_t kMarkerBytesMax = 4096;

base::Result<std::string> read_marker(int directory) {
  const UniqueFd file(::openat(directory, kRootMarker.data(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return storage_error(errno, "open the marker");
  std::array<char, kMarkerBytesMax + 1> buffer{};
  const ssize_t size = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return storage_error(errno, "read the marker");
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

std::string parent_of(const std::vector<std::string>& components) {
  return fmt::format("{}", fmt::join(components.begin(), components.end() - 1, "/"));
}

}  // namespace

base::Error storage_error(int error_number, std::string_view what) {
  if (error_number == ELOOP)
    return base::error_of(base::PathError::Link, fmt::format("{}: a symbolic link stands in the way", what));
  return base::os_error(
      error_number,
      error_number == ENOENT ? text_of(base::PathError::Missing) : text_of(base::SystemError::StorageFailed), what);
}

base::Result<std::vector<std::string>> split_path(std::string_view relative) {
  const auto bad = [&](std::string_view why) {
    const std::string shown = base::clean_text(relative, kPathShownMax);
    return base::error_of(base::PathError::Bad, fmt::format("the path \"{}\" {}", shown, why));
  };
  if (const auto flaw = base::path_flaw(relative, kPathBytesMax)) return bad(base::describe(*flaw, kPathBytesMax));
  const std::vector<std::string_view> parts = base::path_parts(relative);
  if (parts.size() > kPathDepthMax) return bad(fmt::format("is deeper than {} levels", kPathDepthMax));
  return std::vector<std::string>(parts.begin(), parts.end());
}

base::Result<std::shared_ptr<const RootDirectory>> RootDirectory::open(const std::string& name,
                                                                       const std::filesystem::path& path,
                                                                       std::shared_ptr<const base::RootPaths> all) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return base::error_of(jobs::AttemptError::RootMissing,
                          fmt::format("root {}: cannot open {}: {}", name, path.string(), std::strerror(errno)), "",
                          "mount the storage, or correct the path under [roots]");
  const auto marker = read_marker(fd.get());
  const std::string expected = fmt::format("name = \"{}\"", name);
  const std::string hint =
      fmt::format("if this really is that tree: printf '{}\\n' > {}", expected, (path / kRootMarker).string());
  if (is(marker, base::PathError::Missing))
    return base::Error{"root.marker",
                       fmt::format("root {}: {} has no marker file {}", name, path.string(), kRootMarker), "", hint};
  if (!marker.ok())
    return base::Error{"root.marker", fmt::format("root {}: {}: {}", name, path.string(), marker.error().message), "",
                       "put the storage, or this host, right"};
  if (marker->size() > kMarkerBytesMax)
    return base::Error{
        "root.marker",
        fmt::format("root {}: the marker file in {} is longer than {} bytes", name, path.string(), kMarkerBytesMax), "",
        hint};
  if (marker->substr(0, marker->find('\n')) != expected)
    return base::Error{
        "root.marker",
        fmt::format("root {}: the first line of the marker file in {} is not  {}", name, path.string(), expected), "",
        hint};
  std::string id = value_of(*marker, "id");
  if (!id.empty() && !is_id(id))
    return base::Error{
        "root.marker",
        fmt::format("root {}: the id in the marker file of {} is not 32 hexadecimal digits", name, path.string()), "",
        "put back the line `id` as another host has it, or remove the line"};
  if (!all) all = std::make_shared<const base::RootPaths>(base::RootPaths{{name, path}});
  return std::shared_ptr<const RootDirectory>(
      new RootDirectory(name, path, std::move(id), std::move(fd), std::move(all)));
}

// Workers of several hosts may come here at one moment: whoever makes the lock file writes, after it has looked again.
base::Result<std::string> RootDirectory::give_id() const {
  constexpr const char* kLock = ".framemill-root.new";
  const auto now = read_marker(fd_.get());
  if (!now.ok()) return now.error();
  if (const std::string id = value_of(*now, "id"); is_id(id)) return id;
  UniqueFd lock(::openat(fd_.get(), kLock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!lock) {
    const base::Error error = storage_error(errno, fmt::format("make {} to give root {} an id", kLock, name_));
    struct stat facts{};
    if (::fstatat(fd_.get(), kLock, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
        std::time(nullptr) - facts.st_mtime > kLockStale_s)
      ::unlinkat(fd_.get(), kLock, 0);  // of a host that died at it; the next look tries again
    return error;
  }
  const auto again = read_marker(fd_.get());
  std::string id = again.ok() ? value_of(*again, "id") : std::string();
  base::Status status;
  if (!again.ok()) {
    status = again.error();
  } else if (!is_id(id)) {
    const std::string random = base::random_bytes(16);
    id = base::to_hex({reinterpret_cast<const std::uint8_t*>(random.data()), random.size()});
    const std::string text = fmt::format("name = \"{}\"\nid = \"{}\"\n", name_, id);
    if (::write(lock.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(lock.get()) != 0 || ::renameat(fd_.get(), kLock, fd_.get(), kRootMarker.data()) != 0)
      status = storage_error(errno, fmt::format("write the marker of root {}", name_));
    else if (::fsync(fd_.get()) == 0)
      return id;
  }
  ::unlinkat(fd_.get(), kLock, 0);
  if (!status.ok()) return status.error();
  return id;
}

std::uint64_t RootDirectory::free_bytes() const {
  struct statvfs facts{};
  if (::fstatvfs(fd_.get(), &facts) != 0) return 0;
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

bool RootDirectory::writable() const {
  return ::faccessat(fd_.get(), ".", W_OK, AT_EACCESS) == 0;
}

base::Result<UniqueFd> RootDirectory::follow(std::string_view relative, int flags) const {
  const int fd = base::open_below(*all_, name_, relative, flags);
  if (fd >= 0) return UniqueFd(fd);
  if (fd == -EXDEV) return link_out(relative);
  if (fd == -ELOOP)
    return base::error_of(
        base::PathError::Link,
        fmt::format("{} is a link that leads to itself, or through more than {} links", relative, base::kLinksMax), "",
        "point the link at a file inside the roots");
  if (fd == -EINVAL)
    return base::error_of(base::PathError::NotAFile, fmt::format("{} is not a regular file", relative));
  if (fd == -EACCES)
    return base::error_of(base::PathError::Denied, fmt::format("open {}: {}", relative, std::strerror(EACCES)));
  return storage_error(-fd, fmt::format("open {}", relative));
}

base::Result<UniqueFd> RootDirectory::open_directory(std::string_view relative, MakeDirectories make) const {
  UniqueFd at(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return storage_error(errno, "open root " + name_);
  if (relative.empty()) return at;
  FM_ASSIGN(const std::vector<std::string> components, split_path(relative));
  std::string way;
  for (const std::string& component : components) {
    way += (way.empty() ? "" : "/") + component;
    auto next = step_into(at.get(), component, make, relative);
    if (is(next, base::PathError::Link) && !is_own(components)) next = follow(way, O_RDONLY | O_DIRECTORY);
    if (!next.ok()) return next.error();
    at = std::move(*next);
  }
  return at;
}

base::Result<UniqueFd> RootDirectory::open_file(std::string_view relative) const {
  FM_ASSIGN(const std::vector<std::string> components, split_path(relative));
  // O_NONBLOCK: a FIFO of that name must not stop the thread.
  constexpr int kRead = O_RDONLY | O_NONBLOCK;
  UniqueFd file;
  if (is_own(components)) {
    FM_ASSIGN(const UniqueFd parent, open_directory(parent_of(components), MakeDirectories::No));
    file = UniqueFd(::openat(parent.get(), components.back().c_str(), kRead | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return storage_error(errno, fmt::format("open {}", relative));
  } else {
    FM_ASSIGN(file, follow(relative, kRead));
  }
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return storage_error(errno, fmt::format("look at {}", relative));
  if (!S_ISREG(facts.st_mode))
    return base::error_of(base::PathError::NotAFile, fmt::format("{} is not a regular file", relative));
  return file;
}

base::Result<UniqueFd> RootDirectory::open_link(std::string_view relative) const {
  FM_TRY(split_path(relative));
  FM_ASSIGN(UniqueFd file, follow(relative, O_RDONLY | O_NONBLOCK));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return storage_error(errno, fmt::format("look at {}", relative));
  if (!S_ISREG(facts.st_mode))
    return base::error_of(base::PathError::NotAFile, fmt::format("{} does not lead to a regular file", relative));
  return file;
}

base::Status copy_contents(int from, int to, std::string_view name) {
  std::vector<char> buffer(256 << 10);
  off_t at = 0;
  while (true) {
    const ssize_t n = ::pread(from, buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return storage_error(errno, fmt::format("read {}", name));
    if (n == 0) break;
    for (ssize_t done = 0; done < n;) {
      const ssize_t written = ::write(to, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return storage_error(errno, fmt::format("copy {}", name));
      done += written;
    }
    at += n;
  }
  if (::fsync(to) != 0) return storage_error(errno, fmt::format("sync the copy of {}", name));
  return {};
}

base::Result<FileFacts> digest_descriptor(int fd, std::string_view name) {
  base::Sha256Sum sum;
  FileFacts facts;
  std::vector<char> buffer(256 << 10);
  while (true) {
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(facts.size_bytes));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return storage_error(errno, fmt::format("read {}", name));
    if (n == 0) break;
    sum.add(buffer.data(), static_cast<std::size_t>(n));
    facts.size_bytes += static_cast<std::uint64_t>(n);
  }
  facts.sha256 = sum.finish();
  return facts;
}

base::Result<FileFacts> RootDirectory::digest(std::string_view relative) const {
  FM_ASSIGN(const UniqueFd file, open_file(relative));
  return digest_descriptor(file.get(), relative);
}

base::Status RootDirectory::remove_tree(std::string_view relative) const {
  FM_ASSIGN(const std::vector<std::string> components, split_path(relative));
  const auto parent = open_directory(parent_of(components), MakeDirectories::No);
  if (!parent.ok()) return is(parent, base::PathError::Missing) ? base::Status{} : base::Status(parent.error());
  return remove_below(parent->get(), components.back(), 0);
}

}  // namespace framemill::worker
