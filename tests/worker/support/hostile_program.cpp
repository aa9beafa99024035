// A program that tries what a command must not do to processes, and says what it could: one word a line.
// usage: hostile-program PID
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const pid_t victim = std::atoi(argv[1]);
  if (::ptrace(PTRACE_ATTACH, victim, nullptr, nullptr) == 0) {
    ::waitpid(victim, nullptr, __WALL);
    ::ptrace(PTRACE_DETACH, victim, nullptr, nullptr);
    std::puts("ptrace");
  }
  char byte = 0;
  iovec here{&byte, 1}, there{reinterpret_cast<void*>(0x400000), 1};
  (void)::process_vm_readv(victim, &here, 1, &there, 1, 0);
  if (::kill(victim, 0) == 0) std::puts("signal");
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0) std::puts("remount");
  if (::umount2("/dev/shm", MNT_DETACH) == 0) std::puts("unmount");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) std::puts("privileges");
  for (int fd = 3; fd < 64; ++fd)
    if (::dup2(fd, fd) == fd) std::printf("descriptor-%d\n", fd);
  const pid_t own = ::fork();  // its own children are its own affair
  if (own == 0) {
    ::pause();
    ::_exit(0);
  }
  if (::kill(own, SIGKILL) != 0) std::puts("cannot-end-its-child");
  std::puts("tried");
  return 0;
}
