#include "monitoring/metrics/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

namespace framemill::monitoring {
namespace {

// Fields of /proc/self/stat behind the program's name, which may hold spaces; first is the state (proc(5), field 3).
std::optional<std::vector<double>> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  std::string state;
  rest >> state;
  std::vector<double> fields{0};
  for (double value = 0; rest >> value;) fields.push_back(value);
  if (fields.size() < 22) return std::nullopt;
  return fields;
}

std::optional<double> boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return std::nullopt;
}

}  // namespace

void write_process_figures(Page& page) {
  if (const auto fields = stat_fields()) {
    const double ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto field = [&](std::size_t number) { return (*fields)[number - 3]; };  // numbered as in proc(5)
    page.counter("process_cpu_seconds_total", "User and system CPU time spent.", (field(14) + field(15)) / ticks_per_s);
    page.gauge("process_resident_memory_bytes", "Resident memory size.",
               field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    if (const auto boot = boot_time_s())
      page.gauge("process_start_time_seconds", "Start time of the process since the Unix epoch.",
                 *boot + field(22) / ticks_per_s);
  }
  std::error_code error;
  std::size_t open = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error))
    ++open;
  if (!error && open > 0) page.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(open - 1));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    page.gauge("process_max_fds", "Most file descriptors that may be open.", static_cast<double>(limit.rlim_cur));
}

}  // namespace framemill::monitoring
