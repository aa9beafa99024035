#include "cli/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "cli/exit_code.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr int kPollMs = 100;

// Starts it in a process group of its own, so that all it starts can be killed together. The pid.
base::Result<pid_t> spawn(const std::vector<std::string>& argv, int output_fd) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
  posix_spawn_file_actions_adddup2(&actions, output_fd, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  const int error = posix_spawn(&child, argv[0].c_str(), &actions, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return base::error_of(ProcessError::Start, fmt::format("start {}: {}", argv[0], std::strerror(error)));
  return child;
}

// Reads until the other end is closed, the time is over or the user interrupts.
base::Status read_output(int fd, base::Instant end, const std::function<bool()>& keep_going, std::string& output) {
  while (true) {
    if (!keep_going()) return base::error_of(net::NetError::Interrupted, "interrupted");
    if (base::monotonic_now() >= end) return base::error_of(ProcessError::Timeout, "timed out");
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size == 0) return {};
    if (size < 0 && errno != EINTR) return base::error_of(ProcessError::Start, std::strerror(errno));
    if (size > 0)
      output.append(buffer.data(),
                    std::min<std::size_t>(static_cast<std::size_t>(size), kOutputBytesMax - output.size()));
  }
}

}  // namespace

std::filesystem::path sibling_program(const std::filesystem::path& directory, const std::string& name) {
  std::error_code ignored;
  const std::filesystem::path installed = directory.parent_path() / "lib" / "framemill" / name;
  const bool is_beside = std::filesystem::exists(directory / name, ignored);
  return !is_beside && std::filesystem::exists(installed, ignored) ? installed : directory / name;
}

base::Result<ChildResult> run_child(const std::vector<std::string>& argv, base::Duration limit,
                                    const std::function<bool()>& keep_going) {
  std::error_code ignored;
  if (!std::filesystem::exists(argv[0], ignored))
    return base::error_of(ProcessError::Missing, fmt::format("{} is not there", argv[0]));
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return base::error_of(ProcessError::Start, std::strerror(errno));
  const auto child = spawn(argv, pipe[1]);
  ::close(pipe[1]);
  if (!child.ok()) {
    ::close(pipe[0]);
    return child.error();
  }
  ChildResult result;
  const base::Status status = read_output(pipe[0], base::monotonic_now() + limit, keep_going, result.output);
  ::close(pipe[0]);
  if (!status.ok()) ::kill(-*child, SIGKILL);
  int code = 0;
  while (::waitpid(*child, &code, 0) < 0 && errno == EINTR) {
  }
  if (!status.ok()) return status.error().wrapped(argv[0]);
  result.exit_status = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
  return result;
}

}  // namespace framemill::cli
