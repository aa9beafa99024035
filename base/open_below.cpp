#include "base/open_below.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace framemill::base {
namespace {

constexpr std::size_t kPartsMax = 1024;  // of a way with all its links written out

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

using Parts = std::deque<std::string>;

Parts parts_of(std::string_view path) {
  Parts parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

std::string without_end_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool is_below(const std::string& path, const std::string& top) {
  return path == top || (path.starts_with(top) && (top == "/" || path[top.size()] == '/'));
}

// The way an open directory has now, without a question to its file system.
std::string name_of(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

struct Way {  // an absolute path, as one below a root
  std::string root;
  std::string rest;
};

// The root with the longest path that the absolute path lies below.
std::optional<Way> match(const RootPaths& roots, const std::string& path) {
  std::optional<Way> best;
  std::size_t longest = 0;
  const auto offer = [&](const std::string& name, const std::string& top) {
    if (top.empty() || top.size() < longest || !is_below(path, top)) return;
    longest = top.size();
    best = Way{name, path.substr(std::min(path.size(), top.size()))};
  };
  for (const auto& [name, configured] : roots) offer(name, without_end_slash(configured.lexically_normal().string()));
  return best;
}

// The same, where roots or the path have other names: a root that is itself reached by a link, a mount by two ways.
std::optional<Way> match_by_other_names(const RootPaths& roots, const std::string& path) {
  RootPaths real;
  for (const auto& [name, configured] : roots) {
    const Fd top(::open(configured.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (top.get() >= 0) real[name] = name_of(top.get());
  }
  if (auto way = match(real, path)) return way;
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  return resolved ? match(real, resolved.get()) : std::nullopt;
}

class Walk {
 public:
  Walk(const RootPaths& roots, int flags) : roots_(roots), flags_(flags | O_CLOEXEC) {}

  int run(const std::string& root, std::string_view path) {
    todo_ = parts_of(path);
    if (const int error = enter(root); error != 0) return -error;
    while (!todo_.empty()) {
      const std::string part = std::move(todo_.front());
      todo_.pop_front();
      const int answer = part == ".." ? climb() : step(part);
      if (answer == kGoOn) continue;
      return answer;
    }
    return reopen(stack_.back().get(), ".");
  }

 private:
  static constexpr int kGoOn = INT_MIN;

  // Starts anew at the top of a root.
  int enter(const std::string& root) {
    const auto found = roots_.find(root);
    if (found == roots_.end()) return ENOENT;
    Fd top(::open(found->second.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (top.get() < 0) return errno;
    stack_.clear();
    stack_.push_back(std::move(top));
    return 0;
  }

  int reopen(int directory, const char* name) const {
    const int fd = ::openat(directory, name, flags_ | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
  }

  int climb() {
    if (stack_.size() > 1) {
      stack_.pop_back();
      return kGoOn;
    }
    const std::string top = name_of(stack_.back().get());
    return go_to(std::filesystem::path(top).parent_path().string());
  }

  int step(const std::string& part) {
    const int directory = stack_.back().get();
    Fd next(::openat(directory, part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) return -errno;
    struct stat facts{};
    if (::fstat(next.get(), &facts) != 0) return -errno;
    if (S_ISLNK(facts.st_mode)) return follow(next.get());
    if (S_ISDIR(facts.st_mode)) {
      stack_.push_back(std::move(next));
      return kGoOn;
    }
    if (!todo_.empty()) return -ENOTDIR;
    // ENXIO, which the kernel says of a socket or a device, would speak of the storage.
    if (S_ISSOCK(facts.st_mode) || S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode)) return -EINVAL;
    return reopen(directory, part.c_str());
  }

  int follow(int link) {
    if (++links_ > kLinksMax) return -ELOOP;
    std::array<char, PATH_MAX> buffer{};
    const ssize_t size = ::readlinkat(link, "", buffer.data(), buffer.size());
    if (size < 0) return -errno;
    const std::string target(buffer.data(), static_cast<std::size_t>(size));
    if (target.starts_with('/')) return go_to(target);
    return prepend(target);
  }

  int prepend(std::string_view path) {
    Parts parts = parts_of(path);
    if (parts.size() + todo_.size() > kPartsMax) return -ENAMETOOLONG;
    todo_.insert(todo_.begin(), parts.begin(), parts.end());
    return kGoOn;
  }

  int go_to(const std::string& absolute) {
    const std::string path = without_end_slash(std::filesystem::path(absolute).lexically_normal().string());
    auto way = match(roots_, path);
    if (!way) way = match_by_other_names(roots_, path);
    if (!way) return -EXDEV;
    if (const int error = enter(way->root); error != 0) return -error;
    return prepend(way->rest);
  }

  const RootPaths& roots_;
  const int flags_;
  std::vector<Fd> stack_;  // the root and the directories below it, on the way
  Parts todo_;
  int links_ = 0;
};

// What the kernel can answer by itself: a way that stays below the root.
int open_beneath(const std::filesystem::path& root, std::string_view path, int flags) {
  const Fd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (top.get() < 0) return -errno;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const std::string name(path);
  const auto fd = static_cast<int>(::syscall(SYS_openat2, top.get(), name.c_str(), &how, sizeof how));
  return fd < 0 ? -errno : fd;
}

}  // namespace

int open_below(const RootPaths& roots, const std::string& root, std::string_view path, int flags) {
  const auto found = roots.find(root);
  if (found == roots.end()) return -ENOENT;
  if (!path.empty() && (flags & O_NOFOLLOW) == 0) {
    const int fd = open_beneath(found->second, path, flags);
    if (fd >= 0 || fd == -ENOENT) return fd;
  }
  return Walk(roots, flags).run(root, path);
}

}  // namespace framemill::base
