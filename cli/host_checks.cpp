#include "cli/host_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <optional>

#include "base/file.h"
#include "base/guarded_file.h"
#include "base/sha256.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::uint64_t kFreeBytesLow = std::uint64_t{5} << 30;
constexpr double kSyncMsSlow = 20;  // a commit waits for one sync: slower than this and submits feel it
constexpr int kSyncTries = 20;
constexpr long kBackupHoursMax = 36;  // the timer's day, and half of one for a host that was off
constexpr std::uint64_t kKeyFileBytesMax = 64 << 10;
constexpr std::uint64_t kAccessListBytesMax = 16u << 20;

std::string random_name() {
  const std::string random = base::random_bytes(6);
  return ".framemill-doctor-" + base::to_hex({reinterpret_cast<const std::uint8_t*>(random.data()), random.size()});
}

// Magic numbers of statfs(2) for file systems that live on other hosts: SQLite's locks cannot be trusted there.
bool on_network(const std::filesystem::path& path) {
  struct statfs facts{};
  if (::statfs(path.c_str(), &facts) != 0) return false;
  static constexpr std::array<std::uint32_t, 7> kNetwork{0x6969,     0x517B,     0xFE534D42, 0xFF534D42,
                                                         0x00C36400, 0x5346414F, 0x01021997};
  return std::find(kNetwork.begin(), kNetwork.end(), static_cast<std::uint32_t>(facts.f_type)) != kNetwork.end();
}

// Median time of an appended and synced page, in milliseconds; negative when the directory cannot be written.
double sync_ms(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / random_name();
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  const std::string page(4096, '\x5a');
  std::vector<double> times;
  for (int i = 0; i < kSyncTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (::write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || ::fdatasync(fd) != 0) {
      times.clear();
      break;
    }
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  ::close(fd);
  ::unlink(file.c_str());
  if (times.empty()) return -1;
  std::nth_element(times.begin(), times.begin() + kSyncTries / 2, times.end());
  return times[kSyncTries / 2];
}

std::uint64_t free_bytes(const std::filesystem::path& path) {
  struct statvfs facts{};
  return ::statvfs(path.c_str(), &facts) == 0 ? std::uint64_t{facts.f_bavail} * facts.f_frsize : 0;
}

void add_free_space(const std::string& subject, const std::filesystem::path& path, Findings& findings) {
  const std::uint64_t free = free_bytes(path);
  if (free < kFreeBytesLow)
    findings.push_back({Verdict::Note, subject, fmt::format("only {} are free", bytes_text(free)),
                        "free some space before a long job"});
}

// Whether a file can be made, hard-linked and removed: how frames get their final names.
std::string try_links(const std::filesystem::path& directory) {
  const std::filesystem::path first = directory / random_name(), second = directory / random_name();
  const int fd = ::open(first.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fmt::format("files cannot be made: {}", std::strerror(errno));
  ::close(fd);
  const bool linked = ::link(first.c_str(), second.c_str()) == 0;
  const int cause = errno;
  ::unlink(second.c_str());
  ::unlink(first.c_str());
  return linked ? std::string() : fmt::format("hard links cannot be made: {}", std::strerror(cause));
}

}  // namespace

namespace {

// A remedy is printed as what to do: "run: " goes without saying.
std::string remedy_of(const base::Error& error) {
  constexpr std::string_view kRun = "run: ";
  return error.hint.starts_with(kRun) ? error.hint.substr(kRun.size()) : error.hint;
}

}  // namespace

void check_secret_key(const std::filesystem::path& file, Findings& findings) {
  const std::string subject = "key " + file.string();
  const auto text = base::read_guarded_file(file, kKeyFileBytesMax, base::FileReaders::OwnerAlone);
  if (text.ok()) {
    findings.push_back({Verdict::Good, subject, "private", {}});
    return;
  }
  const bool missing = is(text, base::FileError::Open);
  findings.push_back({Verdict::Problem, subject, text.error().message,
                      missing ? fmt::format("framemill keys curve {}", file.string()) : remedy_of(text.error())});
}

void check_access_list(const std::filesystem::path& file, const std::string& what, Findings& findings) {
  const std::string subject = fmt::format("{} {}", what, file.string());
  const auto text = base::read_guarded_file(file, kAccessListBytesMax, base::FileReaders::Anyone);
  if (text.ok()) {
    findings.push_back({Verdict::Good, subject, "there, and only its owner can change it", {}});
    return;
  }
  const std::string hint = remedy_of(text.error());
  findings.push_back({Verdict::Problem, subject, text.error().message,
                      hint.empty() ? "make it, or correct the path in the configuration" : hint});
}

void check_data_directory(const std::filesystem::path& directory, Findings& findings) {
  const std::string subject = "data directory " + directory.string();
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    findings.push_back({Verdict::Problem, subject, "not a directory", "install -d -m 700 " + directory.string()});
    return;
  }
  if ((facts.st_mode & 077) != 0)
    findings.push_back({Verdict::Note, subject,
                        fmt::format("other users can read it (mode {:04o})", facts.st_mode & 07777),
                        "chmod 700 " + directory.string()});
  if (on_network(directory))
    findings.push_back({Verdict::Problem, subject,
                        "lies on a network file system, where the store's locks cannot be trusted",
                        "move it to a local disk"});
  const double ms = sync_ms(directory);
  if (ms < 0)
    findings.push_back(
        {Verdict::Problem, subject,
         fmt::format("cannot be written by this user (uid {}): it belongs to uid {}", ::geteuid(), facts.st_uid),
         "give it to the user that the scheduler runs as; run doctor as root or as that user"});
  else
    findings.push_back({ms > kSyncMsSlow ? Verdict::Note : Verdict::Good, subject,
                        fmt::format("writable, a synced 4 KiB append takes {:.2f} ms (median of {})", ms, kSyncTries),
                        ms > kSyncMsSlow ? "every acknowledged step waits for a sync: use a faster disk" : ""});
  add_free_space(subject, directory, findings);
}

void check_clock(Findings& findings) {
  struct timex clock{};
  const int state = ::adjtimex(&clock);  // without modes it only tells
  if (state < 0) return findings.push_back({Verdict::Note, "clock", "its state cannot be read", ""});
  if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0)
    return findings.push_back({Verdict::Note, "clock", "nothing keeps it right, as far as the kernel knows",
                               "timedatectl set-ntp true, or install chrony"});
  findings.push_back(
      {Verdict::Good, "clock", fmt::format("kept right, off by {} ms at most", clock.maxerror / 1000), ""});
}

void check_backups(const std::filesystem::path& directory, Findings& findings) {
  const std::string subject = "backups in " + directory.string();
  constexpr const char* kRemedy =
      "systemctl enable --now framemill-backup.timer, or framemill-scheduler backup by hand";
  std::optional<std::time_t> newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    struct stat facts{};
    if (!name.starts_with("jobs-") || !name.ends_with(".db") || ::stat(entry.path().c_str(), &facts) != 0) continue;
    newest = std::max(newest.value_or(facts.st_mtime), facts.st_mtime);
  }
  if (!newest) return findings.push_back({Verdict::Note, subject, "there is none yet", kRemedy});
  const auto hours = static_cast<long>((std::time(nullptr) - *newest) / 3600);
  const bool old = hours > kBackupHoursMax;
  findings.push_back({old ? Verdict::Problem : Verdict::Good, subject,
                      fmt::format("the newest is {} h old", std::max(hours, 0L)), old ? kRemedy : ""});
}

void check_root(const std::string& name, const std::filesystem::path& path, RootAccess access, Findings& findings) {
  const std::string subject = fmt::format("root {} at {}", name, path.string());
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    findings.push_back({Verdict::Problem, subject, "not a directory", "mount it, or correct [roots]"});
    return;
  }
  const auto marker = base::read_file(path / ".framemill-root", 4096);
  const std::string wanted = fmt::format("name = \"{}\"", name);
  const bool marked = marker.ok() && marker->substr(0, marker->find('\n')) == wanted;
  if (!marker.ok())
    findings.push_back(
        {Verdict::Problem, subject, "has no marker file: is it mounted?",
         fmt::format("if this is the right directory: echo '{}' > {}", wanted, (path / ".framemill-root").string())});
  else if (!marked)
    findings.push_back({Verdict::Problem, subject,
                        fmt::format("its marker file says {}", printable(marker->substr(0, 100))),
                        fmt::format("its first line should be {}", wanted)});
  if (access == RootAccess::Read) {
    if (marked) findings.push_back({Verdict::Good, subject, "serves inputs; nothing is written there", {}});
    return;
  }
  // A worker that may not write still serves inputs: as the worker says of itself.
  if (marked && ::access(path.c_str(), W_OK) != 0) {
    findings.push_back(
        {Verdict::Problem, subject,
         "not writable by this user: it serves inputs only, and gets no work that writes there",
         fmt::format("check owner, mode and mount options; if this is intended: roots.{} = {{path = \"{}\", access = "
                     "\"read\"}}",
                     name, path.string())});
    return;
  }
  if (const std::string trouble = try_links(path); !trouble.empty())
    findings.push_back({Verdict::Problem, subject, trouble,
                        "frames are published by hard links: check owner, mode and mount options"});
  else if (marked)
    findings.push_back({Verdict::Good, subject, fmt::format("writable, {} free", bytes_text(free_bytes(path))), {}});
  add_free_space(subject, path, findings);
}

}  // namespace framemill::cli
