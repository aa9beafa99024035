#include "worker/supervisor/input_scan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/path_error.h"
#include "jobs/plan.h"
#include "worker/supervisor/unique_fd.h"

namespace framemill::worker {
namespace {

constexpr std::int64_t kSettledAfter_ns = 60'000'000'000;  // clocks of a file server differ by less
constexpr std::size_t kFramesMax = 4096;                   // of one entry (wire/farm.proto)
constexpr std::size_t kEntriesMax = 2'000'000;             // of one directory

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

// One look at one root.
class InputLook {
 public:
  InputLook(const RootDirectory& root, InputScan& scan, base::Instant now) : root_(root), scan_(scan), now_(now) {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    now_ns_ = nanoseconds(wall);
  }

  std::vector<wire::FilesLookedFor> run(const std::vector<wire::WatchedFiles>& watched) {
    for (const wire::WatchedFiles& entry : watched) add(entry);
    for (const auto& [directory, names] : wanted_) look_into(directory, names);
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      std::vector<jobs::FrameSpan> spans;
      for (const jobs::Frame frame : there_[i]) {
        if (!spans.empty() && spans.back().last + 1 == frame)
          spans.back().last = frame;
        else
          spans.push_back({frame, frame, 1});
      }
      answers_[i].set_there(jobs::FrameSet::of(spans).text());
    }
    return std::move(answers_);
  }

 private:
  struct Asked {
    std::size_t entry = 0;
    jobs::Frame frame = 0;
  };
  using Names = std::unordered_map<std::string, std::vector<Asked>>;

  void add(const wire::WatchedFiles& entry) {
    const std::size_t index = answers_.size();
    wire::FilesLookedFor& answer = answers_.emplace_back();
    there_.emplace_back();
    answer.set_job(entry.job());
    answer.set_phase(entry.phase());
    answer.set_input(entry.input());
    answer.set_readable(true);
    const auto frames = jobs::FrameSet::parse(entry.frames());
    if (!frames.ok() || frames->count() > static_cast<std::int64_t>(kFramesMax))
      return blind(index, "the requested frames cannot be parsed");
    jobs::PhasePlan named;
    named.output_pattern = entry.path_printf();
    for (std::int64_t i = 0; i < frames->count(); ++i) {
      const jobs::Frame frame = frames->nth(i);
      const std::string path = jobs::output_path(named, frame);
      if (!split_path(path).ok()) return blind(index, "the requested path is not inside a root");
      const std::size_t slash = path.rfind('/');
      const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
      wanted_[directory][path.substr(slash + 1)].push_back({index, frame});
    }
  }

  void blind(std::size_t entry, const std::string& why) {
    answers_[entry].set_readable(false);
    answers_[entry].set_problem(why);
  }

  void refuse(const Asked& asked, const std::string& why) {
    wire::FilesLookedFor& answer = answers_[asked.entry];
    if (answer.has_refused()) return;
    answer.set_has_refused(true);
    answer.set_refused_frame(asked.frame);
    answer.set_refused_message(fmt::format("root {}: {}", root_.name(), why));
  }

  void look_into(const std::string& directory, const Names& names) {
    const auto opened = root_.open_directory(directory, MakeDirectories::No);
    if (!opened.ok()) {
      if (is(opened, base::PathError::Missing)) return;  // nothing is there yet
      for (const auto& [name, all] : names)
        for (const Asked& asked : all) {
          if (is(opened, base::PathError::Link))
            refuse(asked, opened.error().message);
          else
            blind(asked.entry, fmt::format("root {}: {}", root_.name(), opened.error().message));
        }
      return;
    }
    const UniqueDir listing(::fdopendir(::dup(opened->get())));
    if (!listing) return blind_all(names, errno);
    std::size_t entries = 0;
    errno = 0;
    while (const dirent* entry = ::readdir(listing.get())) {
      const auto found = names.find(entry->d_name);
      if (found != names.end() && is_there(opened->get(), directory, found->first, found->second))
        for (const Asked& asked : found->second) there_[asked.entry].insert(asked.frame);
      if (++entries >= kEntriesMax) break;
      errno = 0;
    }
    if (errno != 0) blind_all(names, errno);
  }

  void blind_all(const Names& names, int error_number) {
    const std::string why = fmt::format("root {}: {}", root_.name(), storage_error(error_number, "list").message);
    for (const auto& [name, all] : names)
      for (const Asked& asked : all) blind(asked.entry, why);
  }

  bool is_there(int directory_fd, const std::string& directory, const std::string& name,
                const std::vector<Asked>& asked) {
    struct stat facts{};
    if (::fstatat(directory_fd, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const std::string path = directory.empty() ? name : directory + "/" + name;
    if (S_ISLNK(facts.st_mode)) {
      const auto file = root_.open_file(path);
      if (is(file, base::PathError::Link))
        for (const Asked& one : asked) refuse(one, file.error().message);
      if (!file.ok() || ::fstat(file->get(), &facts) != 0) return false;
    }
    if (!S_ISREG(facts.st_mode)) return false;
    const InputScan::Facts facts_now{static_cast<std::int64_t>(facts.st_size), nanoseconds(facts.st_mtim)};
    if (now_ns_ - facts_now.changed_ns > kSettledAfter_ns) return true;
    const auto before = scan_.growing_.find(path);
    const bool quiet = before != scan_.growing_.end() && before->second.facts == facts_now;
    // Two looks may follow one another at once, when the list changes: a writer pauses longer than that.
    const base::Instant since = quiet ? before->second.since : now_;
    scan_.growing_now_[path] = {facts_now, since};
    return quiet && now_ - since >= InputScan::kQuietFor;
  }

  const RootDirectory& root_;
  InputScan& scan_;
  const base::Instant now_;
  std::int64_t now_ns_ = 0;
  std::vector<wire::FilesLookedFor> answers_;
  std::vector<std::set<jobs::Frame>> there_;
  std::map<std::string, Names> wanted_;
};

std::vector<wire::FilesLookedFor> InputScan::look(const RootDirectory& root,
                                                  const std::vector<wire::WatchedFiles>& watched, base::Instant now) {
  growing_now_.clear();
  auto answers = InputLook(root, *this, now).run(watched);
  growing_.swap(growing_now_);
  return answers;
}

}  // namespace framemill::worker
