#include "worker/supervisor/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "base/os_error.h"

extern char** environ;

namespace framemill::worker {
namespace {

constexpr base::Names<SpawnError, 2> kSpawnErrors{{"spawn.failed", "spawn.too_long"}};

// The steps of a child between fork and exec, told to the parent by number when one fails.
enum Step : int {
  kGroup,
  kDeathSignal,
  kDescriptors,
  kAffinity,
  kMemoryCap,
  kCgroup,
  kWorkingDirectory,
  kExec,
  kProcessCap,
  kStepCount
};
constexpr std::array<const char*, kStepCount> kStepNames{
    "make its process group", "tie it to its parent",    "arrange its descriptors", "pin it to its CPUs",
    "cap its memory",         "move it into its cgroup", "enter its directory",     "execute",
    "limit its processes"};

struct Failure {
  int step;
  int error_number;
};

// Everything the child needs, made before fork: after it only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<char*> argv, environment;
  cpu_set_t cpus{};
  rlim_t processes_max = 0;
  UniqueFd null, cgroup;
};

// Processes and threads of the host: "0.52 0.48 0.40 2/613 4711".
rlim_t tasks_now() {
  std::ifstream file("/proc/loadavg");
  std::string skipped, tasks;
  file >> skipped >> skipped >> skipped >> tasks;
  const std::size_t slash = tasks.find('/');
  rlim_t count = 0;
  if (slash != std::string::npos) std::from_chars(tasks.data() + slash + 1, tasks.data() + tasks.size(), count);
  return count;
}

bool write_zero(int fd) {
  return ::write(fd, "0", 1) == 1;
}

// Closes what the worker has open and the child does not need. A worker near its limit of descriptors has none left for
// the copies that follow. Async-signal-safe.
void close_others(std::array<int, 7> needed) {
  std::sort(needed.begin(), needed.end());
  unsigned first = 3;
  for (const int fd : needed) {
    if (fd < 3) continue;
    const auto number = static_cast<unsigned>(fd);
    if (first < number) ::syscall(SYS_close_range, first, number - 1, 0U);
    first = number + 1;
  }
  ::syscall(SYS_close_range, first, ~0U, 0U);
}

bool arrange_descriptors(const SpawnRequest& request, const Prepared& prepared, int& failure_fd) {
  close_others({prepared.null.get(), request.output, request.error_output, request.descriptor_3,
                prepared.cgroup ? prepared.cgroup.get() : -1, failure_fd, request.descriptor_4});
  // Away from 0..3 first, so that no dup2 overwrites one that is still needed. The way to tell of a failure is kept
  // until its copy is there.
  bool lifted = true;
  const auto lift = [&lifted](int fd) {
    if (fd < 0) return fd;
    const int copy = ::fcntl(fd, F_DUPFD, 10);
    lifted = lifted && copy >= 0;
    return copy;
  };
  const int failure_copy = ::fcntl(failure_fd, F_DUPFD_CLOEXEC, 10);
  if (failure_copy < 0) return false;
  failure_fd = failure_copy;
  const int null = lift(prepared.null.get()), output = lift(request.output), error = lift(request.error_output);
  const int three = lift(request.descriptor_3), four = lift(request.descriptor_4);
  if (!lifted || null < 0) return false;
  if (::dup2(null, 0) < 0 || ::dup2(output >= 0 ? output : null, 1) < 0) return false;
  if (::dup2(error >= 0 ? error : 1, 2) < 0) return false;
  if (three >= 0 && ::dup2(three, 3) < 0) return false;
  if (four >= 0 && ::dup2(four, 4) < 0) return false;
  // Mark the rest close-on-exec rather than closing: the failure pipe must live until exec.
  constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC
  if (three < 0 && ::syscall(SYS_close_range, 3U, 3U, kCloseOnExec) != 0) return false;
  return ::syscall(SYS_close_range, four >= 0 ? 5U : 4U, ~0U, kCloseOnExec) == 0;
}

[[noreturn]] void run_child(const SpawnRequest& request, const Prepared& prepared, pid_t parent, int failure_fd) {
  const auto fail = [&failure_fd](int step) {
    const Failure failure{step, errno};
    [[maybe_unused]] const ssize_t written = ::write(failure_fd, &failure, sizeof failure);
    ::_exit(127);
  };
  if (::setpgid(0, 0) != 0) fail(kGroup);
  if (::prctl(PR_SET_PDEATHSIG, request.parent_death_signal) != 0) fail(kDeathSignal);
  if (::getppid() != parent) ::_exit(127);  // it died before the signal was asked for: nobody is left to hear
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (prepared.cgroup && !write_zero(prepared.cgroup.get())) fail(kCgroup);
  if (!request.cpus.empty() && ::sched_setaffinity(0, sizeof prepared.cpus, &prepared.cpus) != 0) fail(kAffinity);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (request.data_bytes_max > 0) {
    const rlimit data{request.data_bytes_max, request.data_bytes_max};
    if (::setrlimit(RLIMIT_DATA, &data) != 0) fail(kMemoryCap);
  }
  if (prepared.processes_max > 0) {
    rlimit processes{};
    if (::getrlimit(RLIMIT_NPROC, &processes) != 0) fail(kProcessCap);
    processes.rlim_cur = processes.rlim_max = std::min(processes.rlim_max, prepared.processes_max);
    if (::setrlimit(RLIMIT_NPROC, &processes) != 0) fail(kProcessCap);
  }
  if (request.niceness != 0) ::setpriority(PRIO_PROCESS, 0, request.niceness);
  // Rather the child than the daemon that watches it; raising one's own score is always allowed.
  if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(score, "500", 3);
    ::close(score);
  }
  if (!arrange_descriptors(request, prepared, failure_fd)) fail(kDescriptors);
  if (::chdir(request.directory.c_str()) != 0) fail(kWorkingDirectory);
  ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  fail(kExec);
  ::_exit(127);
}

base::Error spawn_error(int error_number, const std::string& what) {
  std::string_view code = base::process_code(error_number);
  if (code.empty()) code = base::storage_code(error_number);
  if (code.empty()) code = text_of(error_number == E2BIG ? SpawnError::TooLong : SpawnError::Failed);
  return {std::string(code), fmt::format("{}: {}", what, std::strerror(error_number)), "", ""};
}

base::Error system_error(const std::string& what) {
  return spawn_error(errno, what);
}

base::Status prepare(const SpawnRequest& request, Prepared& prepared) {
  FM_CHECK(!request.argv.empty() && request.argv[0].starts_with('/'), "spawn needs an absolute path");
  for (const std::string& argument : request.argv) prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  for (const std::string& entry : request.environment) prepared.environment.push_back(const_cast<char*>(entry.c_str()));
  prepared.environment.push_back(nullptr);
  CPU_ZERO(&prepared.cpus);
  for (const int cpu : request.cpus)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &prepared.cpus);
  if (request.processes_more_max > 0) prepared.processes_max = tasks_now() + request.processes_more_max;
  prepared.null = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!prepared.null) return system_error("open /dev/null");
  if (!request.cgroup_procs.empty()) {
    prepared.cgroup = UniqueFd(::open(request.cgroup_procs.c_str(), O_WRONLY | O_CLOEXEC));
    if (!prepared.cgroup) return system_error("open " + request.cgroup_procs);
  }
  return {};
}

}  // namespace

std::string_view text_of(SpawnError error) {
  return kSpawnErrors.of(error);
}

base::Result<Process> spawn(const SpawnRequest& request) {
  Prepared prepared;
  FM_TRY(prepare(request, prepared));
  std::array<int, 2> failure_pipe{};
  if (::pipe2(failure_pipe.data(), O_CLOEXEC) != 0) return system_error("make a pipe");
  const UniqueFd reading(failure_pipe[0]);
  UniqueFd writing(failure_pipe[1]);
  // Signals stay blocked over fork: a handler of the daemon must not run in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) run_child(request, prepared, parent, writing.get());
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = fork_error;
  if (pid < 0) return system_error("fork");
  writing.reset();
  Process process{pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
  const int watch_error = errno;
  Failure failure{};
  ssize_t n = 0;
  while ((n = ::read(reading.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (n == 0 && process.pidfd) return process;
  // The child could not become the program (or cannot be watched): it is gone before anybody hears of it.
  const int error_number = n > 0 ? failure.error_number : watch_error;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  const char* step = n > 0 && failure.step < kStepCount ? kStepNames[static_cast<std::size_t>(failure.step)] : "watch";
  return spawn_error(error_number, fmt::format("{} {}", step, request.argv[0]));
}

std::vector<std::string> allowed_environment(const std::vector<std::string>& also) {
  constexpr std::array<std::string_view, 6> kAlways{"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"};
  std::vector<std::string> allowed;
  bool has_path = false;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool wanted = std::find(kAlways.begin(), kAlways.end(), name) != kAlways.end() || name.starts_with("LC_") ||
                        std::find(also.begin(), also.end(), name) != also.end();
    if (wanted) allowed.emplace_back(text);
    has_path = has_path || name == "PATH";
  }
  if (!has_path) allowed.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
  return allowed;
}

ProcessEnd reap(const Process& process) {
  int status = 0;
  rusage used{};
  while (::wait4(process.pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  ProcessEnd end;
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.resident_bytes_peak = static_cast<std::uint64_t>(used.ru_maxrss) << 10;
  return end;
}

base::Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return system_error("make a pipe");
  Pipe pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  ::fcntl(pipe.reading.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

}  // namespace framemill::worker
