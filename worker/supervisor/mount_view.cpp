#include "worker/supervisor/mount_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace framemill::worker {
namespace {

base::Error view_error(const std::string& what) {
  return {"confinement.failed", fmt::format("{}: {}", what, std::strerror(errno)), "", ""};
}

// /proc files take one write and no rename.
base::Status write_proc(const char* file, const std::string& text) {
  const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return view_error(fmt::format("write {}", file));
  return {};
}

base::Status give_place(const UniqueFd& mount, const Tree& tree) {
  FM_ASSIGN(const UniqueFd place, open_tree_handle(tree));
  if (::move_mount(mount.get(), "", place.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return view_error("keep " + tree.path + " writable");
  return {};
}

}  // namespace

base::Status enter_namespaces(Namespaces kind) {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const int users = kind == Namespaces::UsersAndMounts ? CLONE_NEWUSER : 0;
  if (::unshare(users | CLONE_NEWNS | CLONE_NEWIPC) != 0) return view_error("make namespaces");
  if (users == 0) return {};
  // The same user and group inside as outside: the namespace is there for its mounts.
  FM_TRY(write_proc("/proc/self/setgroups", "deny"));
  FM_TRY(write_proc("/proc/self/uid_map", fmt::format("{} {} 1", user, user)));
  return write_proc("/proc/self/gid_map", fmt::format("{} {} 1", group, group));
}

base::Status make_read_only_view(const std::vector<Tree>& write) {
  // From the host to here what is mounted later still arrives (automounts); from here to the host nothing.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return view_error("detach the mounts");
  std::vector<UniqueFd> kept;
  for (const Tree& tree : write) {
    FM_TRY(open_tree_handle(tree));
    kept.emplace_back(::open_tree(AT_FDCWD, tree.path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!kept.back()) return view_error("take up " + tree.path);
  }
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) != 0)
    return view_error("make the mounts read-only");
  if (::access("/dev/shm", F_OK) == 0 &&
      ::mount("framemill", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=25%") != 0)
    return view_error("mount /dev/shm");
  for (std::size_t i = 0; i < write.size(); ++i) FM_TRY(give_place(kept[i], write[i]));
  return {};
}

bool mount_view_works() {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!enter_namespaces(Namespaces::Mounts).ok() && !enter_namespaces(Namespaces::UsersAndMounts).ok()) ::_exit(1);
    ::_exit(make_read_only_view({Tree{"/tmp"}}).ok() ? 0 : 1);
  }
  int status = 1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace framemill::worker
