#include "worker/supervisor/shared_staging.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"

namespace framemill::worker {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kDepthMax = 64;

// An access control list as the kernel takes it (linux/posix_acl_xattr.h): little-endian, entries in order of tag.
class AccessList {
 public:
  AccessList& add(std::uint16_t tag, std::uint16_t permissions, std::uint32_t id = 0xffffffff) {
    put(tag, 2);
    put(permissions, 2);
    put(id, 4);
    return *this;
  }
  bool set(int fd, const char* which) const { return ::fsetxattr(fd, which, bytes_.data(), bytes_.size(), 0) == 0; }
  static constexpr std::uint16_t kOwner = 1, kUser = 2, kGroup = 4, kMask = 0x10, kOther = 0x20;

 private:
  void put(std::uint32_t value, int size) {
    for (int shift = 0; shift < 8 * size; shift += 8) bytes_.push_back(static_cast<char>(value >> shift & 0xff));
  }
  std::string bytes_{'\2', '\0', '\0', '\0'};  // the version
};

constexpr const char* kAccess = "system.posix_acl_access";
constexpr const char* kDefault = "system.posix_acl_default";

// Users in the order of their numbers, as the kernel wants them.
AccessList list_for(std::uint32_t one, std::uint32_t other, std::uint16_t permissions) {
  AccessList list;
  list.add(AccessList::kOwner, 7).add(AccessList::kUser, permissions, std::min(one, other));
  if (one != other) list.add(AccessList::kUser, permissions, std::max(one, other));
  return list.add(AccessList::kGroup, 5), list.add(AccessList::kMask, 7), list.add(AccessList::kOther, 5);
}

base::Status share_directory(int fd, const JobUser& user) {
  const AccessList list = list_for(user.uid, ::geteuid(), 7);
  if (list.set(fd, kAccess) && list.set(fd, kDefault)) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS)
    return storage_error(errno, "share a staging directory with " + user.name);
  // What is made in it gets its group.
  if (::fchown(fd, static_cast<uid_t>(-1), user.gid) != 0 || ::fchmod(fd, 02775) != 0)
    return storage_error(errno, "share a staging directory with the group of " + user.name);
  return {};
}

// The way there: to be passed, not read. Directories of other workers stay as they are.
void let_pass(int fd, const JobUser& user) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0 || facts.st_uid != ::geteuid() || (facts.st_mode & S_IXOTH) != 0) return;
  list_for(user.uid, user.uid, 1).set(fd, kAccess);
}

// The umask of this process; umask(2) could only tell it by changing it for a moment, under other threads.
mode_t site_umask() {
  unsigned mask = 022;
  const auto status = base::read_file("/proc/self/status", 65536);
  if (status.ok())
    if (const std::size_t at = status->find("Umask:"); at != std::string::npos)
      std::sscanf(status->c_str() + at, "Umask: %o", &mask);
  return static_cast<mode_t>(mask);
}

// The modes that the site's umask gives, and nobody beside them: the list let the program's user write.
void settle_modes(int fd) {
  ::fremovexattr(fd, kAccess);
  ::fchmod(fd, 0666 & ~site_umask());
}

bool copy_bytes(int from, int to) {
  while (true) {
    const ssize_t n = ::copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) return true;
  }
}

void open_up(int parent, const char* name, int depth) {
  struct stat facts{};
  if (depth > kDepthMax || ::fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (facts.st_uid == ::geteuid() && (S_ISDIR(facts.st_mode) || S_ISREG(facts.st_mode)))
    ::fchmodat(parent, name, (facts.st_mode & 0777) | (S_ISDIR(facts.st_mode) ? 0770 : 0660), 0);
  if (!S_ISDIR(facts.st_mode)) return;
  const int fd = ::openat(parent, name, kOpenDirectory);
  DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd);
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      open_up(fd, entry->d_name, depth + 1);
  ::closedir(directory);
}

}  // namespace

base::Status share_staging(const RootDirectory& root, const std::string& staging, const JobUser& user) {
  for (std::size_t slash = staging.find('/'); slash != std::string::npos; slash = staging.find('/', slash + 1))
    if (const auto passed = root.open_directory(staging.substr(0, slash), MakeDirectories::No); passed.ok())
      let_pass(passed->get(), user);
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staging, MakeDirectories::No));
  FM_TRY(share_directory(directory.get(), user));
  // Those that were made before the default entries were there.
  const UniqueDir entries(::fdopendir(::dup(directory.get())));
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    if (entry->d_name[0] == '.') continue;
    const UniqueFd inner(::openat(directory.get(), entry->d_name, kOpenDirectory));
    if (inner) FM_TRY(share_directory(inner.get(), user));
  }
  return {};
}

void settle_output_modes(int fd) {
  const mode_t wanted = 0666 & ~site_umask();
  struct stat facts{};
  if (::fstat(fd, &facts) != 0 || facts.st_uid != ::geteuid() || facts.st_nlink != 1) return;
  if ((facts.st_mode & 07777) != wanted) ::fchmod(fd, wanted);
}

base::Status take_over_file(const RootDirectory& root, const std::string& staged) {
  FM_ASSIGN(const UniqueFd file, root.open_file(staged));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return storage_error(errno, "look at " + staged);
  if (facts.st_uid == ::geteuid()) return {};
  if (::fchown(file.get(), ::geteuid(), static_cast<gid_t>(-1)) == 0) {
    settle_modes(file.get());
    return {};
  }
  const std::size_t slash = staged.rfind('/');
  const std::string name = staged.substr(slash + 1), temporary = ".framemill-own";
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staged.substr(0, slash), MakeDirectories::No));
  ::unlinkat(directory.get(), temporary.c_str(), 0);
  const UniqueFd own(
      ::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!own) return storage_error(errno, "take over " + staged);
  settle_modes(own.get());
  if (!copy_bytes(file.get(), own.get())) return storage_error(errno, "take over " + staged);
  if (::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0)
    return storage_error(errno, "take over " + staged);
  return {};
}

void open_up_tree(const std::string& directory) {
  open_up(AT_FDCWD, directory.c_str(), 0);
}

}  // namespace framemill::worker
