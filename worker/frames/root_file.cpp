#include "worker/frames/root_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/open_below.h"
#include "base/os_error.h"
#include "base/relative_path.h"
#include "base/sha256.h"
#include "jobs/attempt_error.h"

namespace framemill::frames {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

constexpr int kRead = O_RDONLY | O_NONBLOCK;  // a FIFO under a frame's name must not hang the reader

base::Result<std::string> read_all(int fd, std::uint64_t size_bytes_max, const std::string& label) {
  std::string contents;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::os_error(errno, text_of(jobs::AttemptError::InputRead), "read " + label);
    if (n == 0) return contents;
    contents.append(buffer, static_cast<std::size_t>(n));
    if (contents.size() > size_bytes_max)
      return base::error_of(jobs::AttemptError::InputTooLarge,
                            fmt::format("{} is larger than {} bytes", label, size_bytes_max));
  }
}

// Why it could not be opened: a link, the task's path, or what says nothing about the task.
base::Error open_error(int error_number, const std::string& label) {
  switch (error_number) {
    case ELOOP:
      return base::error_of(
          jobs::AttemptError::InputLink,
          fmt::format("{} is a link that leads to itself, or through more than {} links", label, base::kLinksMax), "",
          "point the link at a file inside the roots");
    case EXDEV:
      return base::error_of(jobs::AttemptError::InputLink,
                            fmt::format("{} is a link that leads out of every root", label), "",
                            "link inside the roots, or list the other tree under [roots] of the worker.toml");
    case EACCES:
    case EPERM:
      return base::error_of(jobs::AttemptError::InputUnreadable,
                            fmt::format("{}: {}", label, std::strerror(error_number)));
    case EINVAL:
      return base::error_of(jobs::AttemptError::InputPath, fmt::format("{} is not a regular file", label));
    default:
      return base::os_error(error_number, text_of(jobs::AttemptError::InputNotVisible), label);
  }
}

}  // namespace

const std::filesystem::path* Roots::find(const std::string& name) const {
  const auto found = paths_.find(name);
  return found == paths_.end() ? nullptr : &found->second;
}

base::Result<int> Roots::open_regular(const wire::InputFile& input, const std::string& label) const {
  const std::filesystem::path* root = find(input.root());
  if (!root)
    return base::error_of(jobs::AttemptError::InputPath, fmt::format("root '{}' is not known here", input.root()));
  if (const auto flaw = base::path_flaw(input.path()))
    return base::error_of(jobs::AttemptError::InputPath,
                          fmt::format("'{}' is not a path inside a root: it {}", label, base::describe(*flaw)));

  const int opened = base::open_below(paths_, input.root(), input.path(), kRead);
  if (opened < 0) return base::in_root(open_error(-opened, label), input.root());
  struct stat status{};
  const int error_number = ::fstat(opened, &status) == 0 ? 0 : errno;
  if (error_number == 0 && S_ISREG(status.st_mode)) return opened;
  ::close(opened);
  if (error_number != 0)
    return base::in_root(base::os_error(error_number, text_of(jobs::AttemptError::InputRead), "look at " + label),
                         input.root());
  return base::error_of(jobs::AttemptError::InputPath, fmt::format("{} is not a regular file", label));
}

base::Result<std::string> Roots::read(const wire::InputFile& input, std::uint64_t size_bytes_max) const {
  const std::string label = fmt::format("{}:{}", input.root(), input.path());
  FM_ASSIGN(const int opened, open_regular(input, label));
  const Descriptor file{opened};
  auto read = read_all(file.fd, size_bytes_max, label);
  if (!read.ok()) return base::in_root(read.error(), input.root());
  std::string contents = std::move(read).value();
  if (input.size_bytes() != 0 && contents.size() != input.size_bytes())
    return base::error_of(jobs::AttemptError::InputNotVisible,
                          fmt::format("{} has {} bytes; expected {}", label, contents.size(), input.size_bytes()));
  if (input.sha256().empty()) return contents;
  const base::Sha256 digest = base::sha256(contents);
  const std::string_view seen(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  if (seen != input.sha256())
    return base::error_of(jobs::AttemptError::InputNotVisible,
                          fmt::format("{} does not have the expected SHA-256", label));
  return contents;
}

base::Result<std::string> Roots::read_beginning(const wire::InputFile& input, std::size_t bytes) const {
  const std::string label = fmt::format("{}:{}", input.root(), input.path());
  FM_ASSIGN(const int opened, open_regular(input, label));
  const Descriptor file{opened};
  std::string contents(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t n = ::read(file.fd, contents.data() + have, bytes - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return base::in_root(base::os_error(errno, text_of(jobs::AttemptError::InputRead), "read " + label),
                           input.root());
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  contents.resize(have);
  return contents;
}

std::optional<int> Roots::open(const wire::InputFile& input) const {
  const auto opened = open_regular(input, input.path());
  return opened.ok() ? std::optional(*opened) : std::nullopt;
}

base::Result<std::string> path_of_frame(std::string_view pattern, std::int32_t frame) {
  const auto bad = [&] {
    return base::Error{"frames.path", fmt::format("'{}' is not a pattern with exactly one frame token", pattern), "",
                       ""};
  };
  std::string path;
  bool seen = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      path += pattern[i];
      continue;
    }
    if (++i < pattern.size() && pattern[i] == '%') {
      path += '%';
      continue;
    }
    int width = 0;
    if (i + 1 < pattern.size() && pattern[i] == '0' && pattern[i + 1] >= '1' && pattern[i + 1] <= '9') {
      width = pattern[i + 1] - '0';
      i += 2;
    }
    if (seen || i >= pattern.size() || pattern[i] != 'd') return bad();
    seen = true;
    path += fmt::format("{:0{}d}", frame, width);
  }
  if (base::path_flaw(path)) return bad();
  return path;
}

}  // namespace framemill::frames
