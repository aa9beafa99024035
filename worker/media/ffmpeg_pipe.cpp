#include "worker/media/ffmpeg_pipe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "base/os_error.h"
#include "jobs/attempt_error.h"

namespace framemill::media {
namespace {

constexpr std::size_t kDiagnosticsBytesMax = 4096;
constexpr int kPipeBytes = 1 << 20;

base::Error ffmpeg_error(std::string message) {
  return {"media.ffmpeg", std::move(message), "", ""};
}

// Of a call that needs a process or descriptors.
base::Error start_error(const std::string& what) {
  const std::string_view code = base::process_code(errno);
  return {std::string(code.empty() ? "media.ffmpeg" : code), fmt::format("{}: {}", what, std::strerror(errno)), "", ""};
}

// Equal frames give equal bytes: the same number of threads wherever it runs (x264's output depends on that number, and
// on nothing else of the host), no metadata, no encoder identification in the container.
std::vector<std::string> arguments(const MovieFormat& format, const std::filesystem::path& output) {
  return {"ffmpeg",
          "-hide_banner",
          "-loglevel",
          "error",
          "-y",
          "-f",
          "rawvideo",
          "-pixel_format",
          "rgb24",
          "-video_size",
          fmt::format("{}x{}", format.width, format.height),
          "-framerate",
          format.rate.text(),
          "-r",  // else it guesses a rate from the time stamps of raw video: 119.88 becomes 120
          format.rate.text(),
          "-i",
          "pipe:0",
          "-vf",
          "scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int,format=yuv420p",
          "-c:v",
          "libx264",
          "-preset",
          "medium",
          "-crf",
          "16",
          "-threads",
          "4",
          "-color_primaries",
          "bt709",
          "-color_trc",
          "bt709",
          "-colorspace",
          "bt709",
          "-color_range",
          "tv",
          "-fflags",
          "+bitexact",
          "-flags:v",
          "+bitexact",
          "-map_metadata",
          "-1",
          "-movflags",
          "+faststart",
          "-f",
          "mp4",
          output.string()};
}

}  // namespace

struct FfmpegPipe::Child {
  int pid = -1;
  int input = -1;
  int diagnostics_fd = -1;
  std::string diagnostics;
  std::thread reader;

  ~Child() {
    if (input >= 0) ::close(input);
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    if (reader.joinable()) reader.join();
    if (diagnostics_fd >= 0) ::close(diagnostics_fd);
  }

  void read_diagnostics() {
    char buffer[1024];
    while (true) {
      const ssize_t n = ::read(diagnostics_fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      diagnostics.append(buffer, static_cast<std::size_t>(n));
      if (diagnostics.size() > kDiagnosticsBytesMax) diagnostics.erase(0, diagnostics.size() - kDiagnosticsBytesMax);
    }
  }

  // Waits for the end of the child and says how it ended.
  base::Status end() {
    if (input >= 0) ::close(std::exchange(input, -1));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    pid = -1;
    reader.join();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    while (!diagnostics.empty() && diagnostics.back() == '\n') diagnostics.pop_back();
    const std::size_t last_line = diagnostics.rfind('\n');
    const std::string words = diagnostics.substr(last_line == std::string::npos ? 0 : last_line + 1);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
      return base::error_of(jobs::AttemptError::FfmpegMissing, "ffmpeg cannot be started", "",
                            "install the package ffmpeg");
    return ffmpeg_error(words.empty() ? fmt::format("ffmpeg ended with status {}", status) : "ffmpeg: " + words);
  }
};

FfmpegPipe::FfmpegPipe(std::unique_ptr<Child> child) : child_(std::move(child)) {}
FfmpegPipe::FfmpegPipe(FfmpegPipe&&) noexcept = default;
FfmpegPipe& FfmpegPipe::operator=(FfmpegPipe&&) noexcept = default;
FfmpegPipe::~FfmpegPipe() = default;

base::Result<FfmpegPipe> FfmpegPipe::start(const MovieFormat& format, const std::filesystem::path& output) {
  FM_CHECK(format.width % 2 == 0 && format.height % 2 == 0, "a movie of odd size");
  ::signal(SIGPIPE, SIG_IGN);
  int input[2], diagnostics[2];
  if (::pipe2(input, O_CLOEXEC) != 0) return start_error("make a pipe to ffmpeg");
  if (::pipe2(diagnostics, O_CLOEXEC) != 0) {
    const base::Error error = start_error("make a pipe to ffmpeg");
    ::close(input[0]), ::close(input[1]);
    return error;
  }
  std::vector<std::string> words = arguments(format, output);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto child = std::make_unique<Child>();
  child->pid = ::fork();
  const int fork_error = errno;
  if (child->pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(diagnostics[1], STDERR_FILENO);
    ::dup2(diagnostics[1], STDOUT_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(diagnostics[1]);
  ::fcntl(input[1], F_SETPIPE_SZ, kPipeBytes);  // as much as it gets: fewer turns between the painter and the encoder
  child->input = input[1];
  child->diagnostics_fd = diagnostics[0];
  errno = fork_error;
  if (child->pid < 0) return start_error("start ffmpeg");
  child->reader = std::thread([c = child.get()] { c->read_diagnostics(); });
  return FfmpegPipe(std::move(child));
}

base::Status FfmpegPipe::write(std::string_view rgb) {
  while (!rgb.empty()) {
    const ssize_t n = ::write(child_->input, rgb.data(), rgb.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const auto ended = child_->end();
      return ended.ok() ? ffmpeg_error("ffmpeg ended before the last frame") : ended;
    }
    rgb.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

base::Status FfmpegPipe::finish() {
  return child_->end();
}

}  // namespace framemill::media
