#include "worker/supervisor/root_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/os_error.h"

namespace framemill::worker {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kRemoveDepthMax = 64;

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
  struct stat facts {};
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

std::string parent_of(const std::vector<std::string>& components) {
  return fmt::format("{}", fmt::join(components.begin(), components.end() - 1, "/"));
}

}  // namespace

base::Error storage_error(int error_number, std::string_view what) {
  if (error_number == ELOOP) return {"path.link", fmt::format("{}: a symbolic link stands in the way", what), "", ""};
  return base::os_error(error_number, error_number == ENOENT ? "path.missing" : "storage_failed", what);
}

base::Result<std::vector<std::string>> split_path(std::string_view relative) {
  const auto bad = [&](const char* why) {
    return base::Error{"path.bad", fmt::format("the path \"{}\" {}", relative.substr(0, 200), why), "", ""};
  };
  if (relative.empty()) return bad("is empty");
  if (relative.size() > kPathBytesMax) return bad("is longer than 1,024 bytes");
  if (relative.front() == '/') return bad("is absolute");
  for (const char c : relative)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return base::Error{"path.bad", "a path holds a control character", "", ""};
  std::vector<std::string> components;
  for (std::size_t at = 0; at <= relative.size();) {
    const std::size_t slash = std::min(relative.find('/', at), relative.size());
    const std::string_view component = relative.substr(at, slash - at);
    if (component.empty() || component == ".") return bad("has an empty component");
    if (component == "..") return bad("climbs out with \"..\"");
    if (component.size() > 255) return bad("has a component longer than 255 bytes");
    components.emplace_back(component);
    at = slash + 1;
  }
  if (components.size() > kPathDepthMax) return bad("is deeper than 32 levels");
  return components;
}

base::Result<std::shared_ptr<const RootDirectory>> RootDirectory::open(const std::string& name,
                                                                       const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return base::Error{"root.missing",
                       fmt::format("root {}: cannot open {}: {}", name, path.string(), std::strerror(errno)), "",
                       "mount the storage, or correct the path under [roots]"};
  const auto marker = base::read_file(path / kRootMarker, 4096);
  const std::string expected = fmt::format("name = \"{}\"", name);
  const std::string hint =
      fmt::format("if this really is that tree: printf '{}\\n' > {}", expected, (path / kRootMarker).string());
  if (!marker.ok())
    return base::Error{"root.marker",
                       fmt::format("root {}: {} has no marker file {}", name, path.string(), kRootMarker), "", hint};
  if (marker->substr(0, marker->find('\n')) != expected)
    return base::Error{"root.marker",
                       fmt::format("root {}: the marker file in {} names another root", name, path.string()), "", hint};
  return std::shared_ptr<const RootDirectory>(new RootDirectory(name, path, std::move(fd)));
}

std::uint64_t RootDirectory::free_bytes() const {
  struct statvfs facts {};
  if (::fstatvfs(fd_.get(), &facts) != 0) return 0;
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

bool RootDirectory::writable() const {
  return ::faccessat(fd_.get(), ".", W_OK, AT_EACCESS) == 0;
}

base::Result<UniqueFd> RootDirectory::open_directory(std::string_view relative, MakeDirectories make) const {
  UniqueFd at(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return storage_error(errno, "open root " + name_);
  if (relative.empty()) return at;
  FM_ASSIGN(const std::vector<std::string> components, split_path(relative));
  for (const std::string& component : components) {
    FM_ASSIGN(at, step_into(at.get(), component, make, relative));
  }
  return at;
}

base::Result<UniqueFd> RootDirectory::open_file(std::string_view relative) const {
  FM_ASSIGN(const std::vector<std::string> components, split_path(relative));
  FM_ASSIGN(const UniqueFd parent, open_directory(parent_of(components), MakeDirectories::No));
  // O_NONBLOCK: a FIFO of that name must not stop the thread.
  UniqueFd file(::openat(parent.get(), components.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return storage_error(errno, fmt::format("open {}", relative));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return storage_error(errno, fmt::format("look at {}", relative));
  if (!S_ISREG(facts.st_mode))
    return base::Error{"path.not_a_file", fmt::format("{} is not a regular file", relative), "", ""};
  return file;
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
  if (!parent.ok()) return parent.error().code == "path.missing" ? base::Status{} : base::Status(parent.error());
  return remove_below(parent->get(), components.back(), 0);
}

}  // namespace framemill::worker
