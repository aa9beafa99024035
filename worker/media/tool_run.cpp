#include "worker/media/tool_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace framemill::media {
namespace {

constexpr std::size_t kOutputMax = 64 << 10, kErrorsMax = 4 << 10;
constexpr int kCannotStart = 127;

// Takes what the descriptor has. False: it is at its end.
bool read_into(int fd, std::string& text, std::size_t most) {
  char buffer[4096];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  text.append(buffer, static_cast<std::size_t>(n));
  if (text.size() > most) text.erase(0, text.size() - most);
  return n > 0;
}

// Without its mark. Libraries warn on the same descriptor ("Warning: using insecure memory!"): that is no error.
std::string last_marked_line(std::string_view text) {
  std::string found;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (const std::string_view mark : {"[error] ", "[fatal] ", "[panic] "})
      if (const std::size_t at = line.find(mark); at != std::string_view::npos)
        found = std::string(line.substr(0, at)).append(line.substr(at + mark.size()));
  }
  return found;
}

}  // namespace

ToolEnd run_tool(std::vector<std::string> argv) {
  ToolEnd end;
  end.started = false;
  int output[2], errors[2];
  if (::pipe2(output, O_CLOEXEC) != 0) {
    end.start_error = errno;
    return end;
  }
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    end.start_error = errno;
    ::close(output[0]), ::close(output[1]);
    return end;
  }
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) end.start_error = errno;
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::dup2(errors[1], STDERR_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(kCannotStart);
  }
  ::close(output[1]), ::close(errors[1]);
  std::string said;
  pollfd watched[2] = {{child < 0 ? -1 : output[0], POLLIN, 0}, {child < 0 ? -1 : errors[0], POLLIN, 0}};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
    if (watched[0].revents != 0 && !read_into(watched[0].fd, end.output, kOutputMax)) watched[0].fd = -1;
    if (watched[1].revents != 0 && !read_into(watched[1].fd, said, kErrorsMax)) watched[1].fd = -1;
  }
  ::close(output[0]), ::close(errors[0]);
  if (child < 0) return end;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  end.started = !WIFEXITED(status) || WEXITSTATUS(status) != kCannotStart;
  end.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  end.last_error = last_marked_line(said);
  return end;
}

}  // namespace framemill::media
