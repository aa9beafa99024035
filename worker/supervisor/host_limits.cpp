#include "worker/supervisor/host_limits.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "base/os_error.h"

namespace framemill::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFileBytesMax = 65536;

std::string text_in(const fs::path& file) {
  auto text = base::read_file(file, kFileBytesMax);
  return text.ok() ? *std::move(text) : std::string();
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end != text.data() ? std::optional(number) : std::nullopt;
}

// The cgroup of `line` of /proc/self/cgroup that limits processes: "0::/a.service", "7:pids:/a.service".
std::optional<fs::path> cgroup_of(const fs::path& mount, std::string_view line, fs::path& top) {
  const std::size_t first = line.find(':'), second = line.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  if (!controllers.empty() && controllers != "pids") return std::nullopt;
  top = controllers.empty() ? mount : mount / "pids";
  return top / fs::path(line.substr(second + 1)).relative_path();
}

// Tasks that the user has on this host.
std::uint64_t tasks_of(uid_t user) {
  std::uint64_t count = 0;
  std::error_code gone;
  for (fs::directory_iterator at("/proc", gone), end; !gone && at != end; at.increment(gone)) {
    struct stat facts{};
    const std::string name = at->path().filename().string();
    if (!number_in(name) || ::stat(at->path().c_str(), &facts) != 0 || facts.st_uid != user) continue;
    std::error_code ended;
    fs::directory_iterator threads(at->path() / "task", ended);
    count += ended ? 0u : static_cast<std::uint64_t>(std::distance(begin(threads), fs::directory_iterator()));
  }
  return count;
}

bool user_lacks_processes(uid_t user) {
  rlimit limit{};
  if (user == 0 || ::getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return false;
  return tasks_of(user) + HostLimits::kUserRoomMin > limit.rlim_max;
}

bool lacks_files() {
  std::istringstream numbers(text_in("/proc/sys/fs/file-nr"));  // allocated, free, most
  std::uint64_t allocated = 0, unused = 0, most = 0;
  numbers >> allocated >> unused >> most;
  return numbers && allocated + HostLimits::kFileRoomMin > most;
}

}  // namespace

HostLimits HostLimits::find(const fs::path& mount, const fs::path& own_cgroup_file) {
  HostLimits limits;
  std::istringstream lines(text_in(own_cgroup_file));
  for (std::string line; std::getline(lines, line);) {
    fs::path top;
    auto cgroup = cgroup_of(mount, line, top);
    for (std::error_code failed; cgroup; *cgroup = cgroup->parent_path()) {
      if (fs::exists(*cgroup / "pids.max", failed)) limits.cgroups_.push_back(*cgroup);
      if (*cgroup == top || !cgroup->has_relative_path()) break;
    }
  }
  return limits;
}

std::uint64_t HostLimits::forks_refused() const {
  std::uint64_t refused = 0;
  for (const fs::path& cgroup : cgroups_) {
    const std::string text = text_in(cgroup / "pids.events");
    if (text.starts_with("max ")) refused += number_in(std::string_view(text).substr(4)).value_or(0);
  }
  return refused;
}

bool HostLimits::lacks_processes() const {
  return std::any_of(cgroups_.begin(), cgroups_.end(), [](const fs::path& cgroup) {
    const auto most = number_in(text_in(cgroup / "pids.max"));  // "max": none
    const auto now = number_in(text_in(cgroup / "pids.current"));
    return most && now && *now + kProcessRoomMin > *most;
  });
}

base::Status HostLimits::shortage(bool refused, uid_t user) const {
  if (refused && lacks_processes())
    return base::error_of(base::SystemError::Processes,
                          "the limit of processes and threads of the worker's service was reached", "",
                          "raise TasksMax of the service");
  if (user_lacks_processes(user))
    return base::error_of(base::SystemError::Processes,
                          "the user's limit of processes and threads on this host was reached", "",
                          "raise LimitNPROC of the service");
  if (lacks_files())
    return base::error_of(base::SystemError::Descriptors, "the host's table of open files is full", "",
                          "raise fs.file-max");
  return {};
}

}  // namespace framemill::worker
