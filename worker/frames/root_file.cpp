#include "worker/frames/root_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/sha256.h"

namespace framemill::frames {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

constexpr int kRead = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO under a frame's name must not hang the reader

// Component by component, through no link at all: where openat2 is missing (old kernels, systemd's RestrictSUIDSGID).
int walk_beneath(int directory, std::string_view path) {
  Descriptor at{::dup(directory)};
  while (at.fd >= 0) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const bool last = slash == std::string_view::npos;
    const int next = ::openat(at.fd, name.c_str(), (last ? kRead : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
    if (last) return next;
    const int number = errno == ENOTDIR ? ELOOP : errno;  // how a link shows under O_DIRECTORY
    ::close(std::exchange(at.fd, next));
    errno = number;
    path.remove_prefix(slash + 1);
  }
  return -1;
}

int open_beneath(const std::filesystem::path& root, const std::string& path) {
  const Descriptor directory{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0) return -1;
  open_how how{};
  how.flags = kRead;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto file = static_cast<int>(::syscall(SYS_openat2, directory.fd, path.c_str(), &how, sizeof how));
  return file < 0 && errno == ENOSYS ? walk_beneath(directory.fd, path) : file;
}

base::Result<std::string> read_all(int fd, std::uint64_t size_bytes_max, const std::string& label) {
  std::string contents;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::Error{"input.read", fmt::format("read {}: {}", label, std::strerror(errno)), "", ""};
    if (n == 0) return contents;
    contents.append(buffer, static_cast<std::size_t>(n));
    if (contents.size() > size_bytes_max)
      return base::Error{"input.too_large", fmt::format("{} is larger than {} bytes", label, size_bytes_max), "", ""};
  }
}

}  // namespace

const std::filesystem::path* Roots::find(const std::string& name) const {
  const auto found = paths_.find(name);
  return found == paths_.end() ? nullptr : &found->second;
}

base::Result<std::string> Roots::read(const wire::InputFile& input, std::uint64_t size_bytes_max) const {
  const std::string label = fmt::format("{}:{}", input.root(), input.path());
  const std::filesystem::path* root = find(input.root());
  if (!root) return base::Error{"input.path", fmt::format("root '{}' is not known here", input.root()), "", ""};
  if (!is_tame_path(input.path()))
    return base::Error{"input.path", fmt::format("'{}' is not a path inside a root", label), "", ""};

  const Descriptor file{open_beneath(*root, input.path())};
  if (file.fd < 0) {
    const int number = errno;
    const bool led_out = number == EXDEV || number == ELOOP;
    return base::Error{
        led_out ? "input.path" : "input_not_visible",
        led_out ? fmt::format("{} leads out of its root", label) : fmt::format("{}: {}", label, std::strerror(number)),
        "", ""};
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
    return base::Error{"input.path", fmt::format("{} is not a regular file", label), "", ""};
  FM_ASSIGN(std::string contents, read_all(file.fd, size_bytes_max, label));
  if (input.size_bytes() != 0 && contents.size() != input.size_bytes())
    return base::Error{"input_not_visible",
                       fmt::format("{} has {} bytes; {} were promised", label, contents.size(), input.size_bytes()), "",
                       ""};
  const base::Sha256 digest = base::sha256(contents);
  const std::string_view seen(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  if (!input.sha256().empty() && seen != input.sha256())
    return base::Error{"input_not_visible", fmt::format("{} has another SHA-256 than was promised", label), "", ""};
  return contents;
}

bool is_tame_path(std::string_view path) {
  if (path.empty() || path.size() > 4096 || path.front() == '/') return false;
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

base::Result<std::string> path_of_frame(std::string_view pattern, std::int32_t frame) {
  const auto bad = [&] {
    return base::Error{"frames.path", fmt::format("'{}' is not a pattern with one frame token", pattern), "", ""};
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
  if (!is_tame_path(path)) return bad();
  return path;
}

}  // namespace framemill::frames
