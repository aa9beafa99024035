#include "worker/supervisor/mount_view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace framemill::worker {
namespace {

// Whether the kernel lets this process's child make namespaces of its own and take the right to write away there.
bool kernel_grants_a_view() {
  const pid_t child = ::fork();
  if (child == 0) {
    bool granted =
        ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC) == 0;
    granted = granted && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY;
    granted = granted && ::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == 0;
    ::_exit(granted && ::mount("test", "/dev/shm", "tmpfs", 0, nullptr) == 0 ? 0 : 1);
  }
  int status = 1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("programs get a read-only view wherever the kernel grants one") {
  if (!kernel_grants_a_view()) {
    WARN("this kernel grants no view: not tested");
    return;
  }
  CHECK(mount_view_works());
}

}  // namespace framemill::worker
