#include "worker/supervisor/process_work.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace framemill::worker {
namespace {

// utime + stime + cutime + cstime of proc(5). Nothing: the process is gone, or hidden.
std::optional<std::uint64_t> ticks_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int kFieldsBefore = 11;  // from the state to utime
  std::string skipped;
  for (int i = 0; i < kFieldsBefore; ++i) fields >> skipped;
  std::array<std::uint64_t, 4> times{};
  for (std::uint64_t& time : times) fields >> time;
  if (!fields) return std::nullopt;
  return times[0] + times[1] + times[2] + times[3];
}

// Children of each of its threads. False: the kernel does not tell (CONFIG_PROC_CHILDREN).
bool add_children(pid_t pid, std::vector<pid_t>& found) {
  std::error_code gone;
  std::filesystem::directory_iterator threads(fmt::format("/proc/{}/task", pid), gone);
  for (; !gone && threads != std::filesystem::directory_iterator(); threads.increment(gone)) {
    std::ifstream file(threads->path() / "children");
    if (!file) {
      if (std::filesystem::exists(threads->path(), gone) && !gone) return false;
      continue;
    }
    for (pid_t child = 0; file >> child && found.size() < kTreeProcessesMax;) found.push_back(child);
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> processor_ticks_of_tree(pid_t top) {
  std::vector<pid_t> tree{top};
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const auto ticks = ticks_of(tree[i]);
    if (!ticks && i == 0) return std::nullopt;
    sum += ticks.value_or(0);
    if (!add_children(tree[i], tree)) return std::nullopt;
  }
  return sum;
}

}  // namespace framemill::worker
