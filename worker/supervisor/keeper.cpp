#include "worker/supervisor/keeper.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "worker/supervisor/confinement.h"
#include "worker/supervisor/shared_staging.h"

namespace framemill::worker {
namespace {

constexpr int kGraceSeconds = 1;  // between asking the command to end and killing it
constexpr int kKillRounds = 200;  // of 10 ms: a process in an uninterruptible sleep cannot be waited for for ever
constexpr int kCannotExecute = 127;
constexpr int kCannotConfine = 126;

// The parent of a process, from /proc/<pid>/stat: the second field, a name in parentheses, may hold anything.
pid_t parent_of(pid_t pid) {
  const auto stat = base::read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat.ok()) return 0;
  const std::size_t name_end = stat->rfind(')');
  int parent = 0;
  char state = 0;
  if (name_end == std::string::npos || std::sscanf(stat->c_str() + name_end + 1, " %c %d", &state, &parent) != 2)
    return 0;
  return parent;
}

std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  const UniqueDir proc(::opendir("/proc"));
  if (!proc) return {};
  while (const dirent* entry = ::readdir(proc.get()))
    if (const pid_t pid = std::atoi(entry->d_name); pid > 0) children.emplace(parent_of(pid), pid);
  std::vector<pid_t> found{::getpid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto it = first; it != last; ++it) found.push_back(it->second);
  }
  found.erase(found.begin());
  return found;
}

struct Command {
  pid_t pid = -1;
  bool ended = false;
  int status = 0;
};

// Takes in whatever has ended. False: there are no children any more.
bool reap_all(Command& command) {
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return false;
    if (pid == command.pid) {
      command.ended = true;
      command.status = status;
    }
  }
}

void kill_descendants(Command& command) {
  for (int round = 0; round < kKillRounds && reap_all(command); ++round) {
    for (const pid_t pid : descendants()) ::kill(pid, SIGKILL);
    const timespec pause{0, round == 0 ? 1'000'000 : 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

void wait_for_signal(const sigset_t& signals, const timespec* timeout, bool& asked_to_end) {
  siginfo_t info{};
  const int number = timeout ? ::sigtimedwait(&signals, &info, timeout) : ::sigwaitinfo(&signals, &info);
  if (number == SIGTERM || number == SIGINT || number == SIGHUP) asked_to_end = true;
}

bool has_start_error_pipe() {
  struct stat facts{};
  return ::fstat(kStartErrorDescriptor, &facts) == 0 && S_ISFIFO(facts.st_mode);
}

// The command is not running and never was: an exit status of ours must not be taken for one of its own.
[[noreturn]] void cannot_start(int error_number, const char* program) {
  if (has_start_error_pipe()) {
    [[maybe_unused]] const ssize_t written = ::write(kStartErrorDescriptor, &error_number, sizeof error_number);
  } else {
    const std::string text = std::string("cannot start ") + program + ": " + std::strerror(error_number) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(2, text.data(), text.size());
  }
  ::_exit(kCannotExecute);
}

// Only in a process that executes a program next or ends.
void confine_as_handed_over(pid_t parent) {
  const auto plan = take_over_confinement();
  const base::Status done = plan.ok() ? confine(*plan) : base::Status(plan.error());
  // A change of user takes the parent-death signal away.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExecute);
  if (done.ok()) return;
  const std::string text = done.error().code + ": " + done.error().message + "\n";
  [[maybe_unused]] ssize_t written = ::write(2, text.data(), text.size());
  if (has_start_error_pipe()) written = ::write(kStartErrorDescriptor, &kConfinementFailed, sizeof kConfinementFailed);
  ::_exit(kCannotConfine);
}

// What another user's program made is opened to the worker, by a process of that user.
void open_up_staging() {
  const pid_t helper = ::fork();
  if (helper == 0) {
    const auto plan = take_over_confinement();
    if (plan.ok() && plan->user && !plan->access.write.empty() && confine(*plan).ok())
      open_up_tree(plan->access.write.front().path);
    ::_exit(0);
  }
  while (helper > 0 && ::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void execute(char** argv) {
  ::execv(argv[0], argv);
  cannot_start(errno, argv[0]);
}

[[noreturn]] void run_command(char** argv, pid_t keeper, bool confined) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(kCannotExecute);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (confined) confine_as_handed_over(keeper);
  execute(argv);
}

[[noreturn]] void end_like(const Command& command, bool asked_to_end) {
  if (command.ended && WIFEXITED(command.status)) ::_exit(WEXITSTATUS(command.status));
  const int number = command.ended && WIFSIGNALED(command.status) && !asked_to_end ? WTERMSIG(command.status) : SIGKILL;
  ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::kill(::getpid(), number);
  ::_exit(kCannotExecute);
}

}  // namespace

bool is_keeper_call(int argc, char** argv) {
  return argc > 1 && (argv[1] == kKeeperArgument || argv[1] == kConfinedKeeperArgument || argv[1] == kLaunchArgument);
}

int keeper_main(int argc, char** argv) {
  if (argc < 3) return 64;
  if (argv[1] == kLaunchArgument) {
    confine_as_handed_over(::getppid());
    execute(argv + 2);
  }
  if (has_start_error_pipe()) ::fcntl(kStartErrorDescriptor, F_SETFD, FD_CLOEXEC);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);

  Command command;
  const pid_t self = ::getpid();
  command.pid = ::fork();
  if (command.pid == 0) run_command(argv + 2, self, argv[1] == kConfinedKeeperArgument);
  if (command.pid < 0) cannot_start(errno, argv[2]);
  ::setpgid(command.pid, command.pid);  // also here: the command's group must exist before it is signalled

  bool asked_to_end = false;
  while (!command.ended && !asked_to_end) {
    reap_all(command);
    if (!command.ended) wait_for_signal(signals, nullptr, asked_to_end);
  }
  if (!command.ended) {
    ::kill(-command.pid, SIGTERM);
    bool ignored = false;
    timespec until{}, now{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += kGraceSeconds;
    do {
      const timespec slice{0, 50'000'000};
      wait_for_signal(signals, &slice, ignored);
      reap_all(command);
      ::clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!command.ended &&
             (now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec)));
  }
  kill_descendants(command);
  if (argv[1] == kConfinedKeeperArgument) open_up_staging();
  end_like(command, asked_to_end);
}

}  // namespace framemill::worker
