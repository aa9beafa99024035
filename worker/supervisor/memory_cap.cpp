#include "worker/supervisor/memory_cap.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <system_error>

#include "base/file.h"
#include "base/log.h"

namespace framemill::worker {
namespace {

namespace fs = std::filesystem;

// cgroup files take one write, no rename and no fsync.
bool write_control(const fs::path& file, const std::string& value) {
  std::ofstream out(file);
  out << value;
  out.flush();
  return out.good();
}

bool has_word(const fs::path& file, std::string_view word) {
  const auto text = base::read_file(file, 4096);
  return text.ok() &&
         fmt::format(" {} ", text->substr(0, text->find('\n'))).find(fmt::format(" {} ", word)) != std::string::npos;
}

// "<key><number>" in a file of such lines.
std::uint64_t count_of(const fs::path& file, std::string_view key) {
  const auto text = base::read_file(file, 4096);
  if (!text.ok()) return 0;
  const std::size_t at = text->find(key);
  std::uint64_t count = 0;
  if (at != std::string::npos) std::from_chars(text->data() + at + key.size(), text->data() + text->size(), count);
  return count;
}

// What a cgroup hands on: control of processes only where it has it.
std::string handed_on(const fs::path& cgroup) {
  return has_word(cgroup / "cgroup.controllers", "pids") ? "+memory +pids" : "+memory";
}

}  // namespace

std::uint64_t MemoryCap::kills() const {
  return cgroup_.empty() ? 0 : count_of(cgroup_ / "memory.events", "oom_kill ");
}

std::uint64_t MemoryCap::forks_refused() const {
  return cgroup_.empty() ? 0 : count_of(cgroup_ / "pids.events", "max ");
}

MemoryCap MemoryCap::part(const std::string& name, std::uint32_t processes_max) const {
  if (cgroup_.empty()) return *this;
  const fs::path leaf = cgroup_ / name;
  std::error_code ignored;
  fs::create_directory(leaf, ignored);
  // All of the part's processes die together: an executor without its helper is of no use.
  if (!write_control(leaf / "memory.oom.group", "1")) return *this;
  if (processes_max > 0) write_control(leaf / "pids.max", fmt::format("{}", processes_max));
  return {leaf, bytes_max_};
}

MemoryCaps MemoryCaps::find(const fs::path& mount, const fs::path& own_cgroup_file) {
  MemoryCaps caps;
  const auto text = base::read_file(own_cgroup_file, 65536);
  std::error_code ignored;
  if (!text.ok() || !text->starts_with("0::/") || !fs::exists(mount / "cgroup.controllers", ignored)) return caps;
  const std::string inside = text->substr(4, text->find('\n') - 4);
  const fs::path own = mount / inside;
  if (inside.empty() || ::access((own / "cgroup.procs").c_str(), W_OK) != 0 ||
      !has_word(own / "cgroup.controllers", "memory"))
    return caps;
  fs::create_directory(own / "worker", ignored);
  if (!write_control(own / "worker" / "cgroup.procs", fmt::format("{}", ::getpid())) ||
      !write_control(own / "cgroup.subtree_control", handed_on(own))) {
    base::log_warning("memory", "{} is not delegated to this service: executors are capped by RLIMIT_DATA",
                      own.string());
    return caps;
  }
  caps.own_ = own;
  return caps;
}

MemoryCap MemoryCaps::make(const std::string& slot, std::uint64_t bytes_max) const {
  if (own_.empty() || bytes_max == 0) return MemoryCap(bytes_max);
  const fs::path cgroup = own_ / ("slot-" + slot);
  std::error_code ignored;
  fs::create_directory(cgroup, ignored);
  // Memory control is handed on to the parts (MemoryCap::part): they hold the processes.
  if (!write_control(cgroup / "memory.max", fmt::format("{}", bytes_max)) ||
      !write_control(cgroup / "cgroup.subtree_control", handed_on(own_)))
    return MemoryCap(bytes_max);
  write_control(cgroup / "memory.swap.max", "0");
  return {cgroup, bytes_max};
}

}  // namespace framemill::worker
