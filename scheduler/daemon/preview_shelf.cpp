#include "scheduler/daemon/preview_shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <tuple>
#include <utility>

#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kEntriesMax = 1'000'000;  // of a directory: ten million frames have no page anyway

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// What the farm keeps in a root is reached through no link; the root itself may be one.
Fd open_directory(const std::filesystem::path& root, JobId job) {
  Fd at(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& name : {std::string(".framemill"), std::string("previews"), std::to_string(job.value)})
    if (at.get() >= 0) at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return at;
}

std::vector<PreviewStrip> strips_in(const std::filesystem::path& root, JobId job, const std::string& root_name) {
  std::vector<PreviewStrip> strips;
  const Fd directory = open_directory(root, job);
  DIR* entries = directory.get() < 0 ? nullptr : ::fdopendir(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
  if (entries == nullptr) return strips;
  std::size_t seen = 0;
  while (const dirent* entry = ::readdir(entries)) {
    if (seen++ >= kEntriesMax || strips.size() >= PreviewPort::kStripsMax) break;
    auto strip = read_strip_name(entry->d_name);
    if (!strip) continue;
    strip->root = root_name;
    strips.push_back(*std::move(strip));
  }
  ::closedir(entries);
  return strips;
}

// By phase and frame; of several attempts at a task the newest.
std::vector<PreviewStrip> in_order(std::vector<PreviewStrip> strips) {
  std::sort(strips.begin(), strips.end(), [](const PreviewStrip& a, const PreviewStrip& b) {
    return std::tuple(a.phase, a.frames.first(), b.attempt, a.root) <
           std::tuple(b.phase, b.frames.first(), a.attempt, b.root);
  });
  const auto same = [](const PreviewStrip& a, const PreviewStrip& b) {
    return a.phase == b.phase && a.frames.first() == b.frames.first();
  };
  strips.erase(std::unique(strips.begin(), strips.end(), same), strips.end());
  return strips;
}

std::optional<PreviewFile> file_in(const std::filesystem::path& root, JobId job, const std::string& name) {
  const Fd directory = open_directory(root, job);
  if (directory.get() < 0) return std::nullopt;
  const Fd file(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts{};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  // A file without bytes is one that a power cut left behind.
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0 || size > PreviewPort::kFileBytesMax) return std::nullopt;
  PreviewFile out;
  out.bytes.resize(size);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ::read(file.get(), out.bytes.data() + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    at += static_cast<std::size_t>(n);
  }
  out.made.unix_ms = std::int64_t{facts.st_mtim.tv_sec} * 1000 + facts.st_mtim.tv_nsec / 1'000'000;
  out.tag = fmt::format("{:x}-{:x}-{:x}", facts.st_ino, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
  return out;
}

base::Error shelf_busy() {
  return base::error_of(Refusal::FarmBusy, "the storage that holds the previews does not answer", "",
                        "try again in a moment");
}

}  // namespace

PreviewShelf::PreviewShelf(const std::map<std::string, std::filesystem::path>& roots) {
  for (const auto& [name, path] : roots) {
    if (path.empty()) continue;
    roots_[name] = path;
    const auto reader = readers_[name] = std::make_shared<Reader>();
    std::thread([reader] { run(reader); }).detach();
  }
}

PreviewShelf::~PreviewShelf() {
  for (const auto& [name, reader] : readers_) {
    const std::lock_guard lock(reader->mutex);
    reader->ending = true;
    reader->wake.notify_all();
  }
}

// Replies under the lock, so that none comes after the end.
void PreviewShelf::run(const std::shared_ptr<Reader>& reader) {
  std::unique_lock lock(reader->mutex);
  while (true) {
    reader->wake.wait(lock, [&] { return reader->ending || !reader->jobs.empty(); });
    if (reader->ending) return;
    const auto job = std::move(reader->jobs.front());
    reader->jobs.pop_front();
    reader->busy = true;
    reader->began = std::chrono::steady_clock::now();
    lock.unlock();
    const Answer answer = job();
    lock.lock();
    reader->busy = false;
    if (!reader->ending) answer();
  }
}

bool PreviewShelf::ask(const std::string& root, std::function<Answer()> look) {
  const auto found = readers_.find(root);
  if (found == readers_.end()) return false;
  Reader& reader = *found->second;
  const std::lock_guard lock(reader.mutex);
  const bool hangs = reader.busy && std::chrono::steady_clock::now() - reader.began > kHangsAfter;
  if (hangs || reader.jobs.size() >= kWaitingMax) return false;
  reader.jobs.push_back(std::move(look));
  reader.wake.notify_all();
  return true;
}

std::filesystem::path PreviewShelf::path_of(const std::string& root) const {
  const auto found = roots_.find(root);
  return found == roots_.end() ? std::filesystem::path() : found->second;
}

std::set<std::string> PreviewShelf::served(const std::set<std::string>& roots) const {
  std::set<std::string> served;
  for (const std::string& root : roots)
    if (roots_.contains(root)) served.insert(root);
  return served;
}

void PreviewShelf::read(JobId job, const std::string& root, const std::string& name, Reply<PreviewFile> reply) {
  const base::Error unknown{"preview.unknown", "there is no such preview", "name", "see /api/v1/jobs/{job}/previews"};
  if (!roots_.contains(root) || !is_preview_name(name)) return reply(unknown);
  const bool asked = ask(root, [path = path_of(root), job, name, unknown, reply]() -> Answer {
    const auto file = std::make_shared<std::optional<PreviewFile>>(file_in(path, job, name));
    return [file, unknown, reply] {
      if (*file)
        reply(**std::move(file));
      else
        reply(unknown);
    };
  });
  if (!asked) reply(shelf_busy());
}

void PreviewShelf::list(JobId job, const std::set<std::string>& roots, Reply<std::vector<PreviewStrip>> reply) {
  struct Gathered {
    std::mutex mutex;
    std::size_t left;
    std::vector<PreviewStrip> strips;
  };
  const auto all = std::make_shared<Gathered>();
  all->left = roots.size();
  for (const std::string& root : roots) {
    const bool asked = ask(root, [path = path_of(root), root, job, all, reply]() -> Answer {
      std::vector<PreviewStrip> strips = strips_in(path, job, root);
      const std::lock_guard lock(all->mutex);
      std::move(strips.begin(), strips.end(), std::back_inserter(all->strips));
      if (--all->left > 0) return [] {};
      return [all, reply] { reply(in_order(std::move(all->strips))); };
    });
    if (!asked) return reply(shelf_busy());  // no other root's answer is the last one now
  }
  if (roots.empty()) reply(std::vector<PreviewStrip>());
}

void PreviewShelf::latest(JobId job, const std::set<std::string>& roots, Reply<std::optional<PreviewFile>> reply) {
  struct Gathered {
    std::mutex mutex;
    std::size_t left;
    std::optional<PreviewFile> newest;
  };
  const auto all = std::make_shared<Gathered>();
  all->left = roots.size();
  for (const std::string& root : roots) {
    const bool asked = ask(root, [path = path_of(root), job, all, reply]() -> Answer {
      auto file = file_in(path, job, "latest.jpg");
      const std::lock_guard lock(all->mutex);
      if (file && (!all->newest || all->newest->made < file->made)) all->newest = std::move(file);
      if (--all->left > 0) return [] {};
      return [all, reply] { reply(std::move(all->newest)); };
    });
    if (!asked) return reply(shelf_busy());
  }
  if (roots.empty()) reply(std::optional<PreviewFile>());
}

}  // namespace framemill::scheduler
