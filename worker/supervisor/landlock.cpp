#include "worker/supervisor/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace framemill::worker {
namespace {

namespace fs = std::filesystem;

// Younger than Debian 12's header.
constexpr std::uint64_t kTruncate = 1ULL << 14;    // LANDLOCK_ACCESS_FS_TRUNCATE, level 3
constexpr std::uint64_t kScopeSignal = 1ULL << 1;  // LANDLOCK_SCOPE_SIGNAL, level 6
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteOne = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kNeverGranted = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

std::uint64_t write_rights(int abi) {
  return kWriteOne | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) | (abi >= kLandlockAbiTruncation ? kTruncate : 0);
}
// What may be said of a file rather than of a directory.
std::uint64_t file_rights(std::uint64_t rights) {
  return rights & (kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate);
}

base::Error landlock_error(const std::string& what) {
  return {"confinement.failed", fmt::format("{}: {}", what, std::strerror(errno)), "", ""};
}

fs::path resolved(const std::string& path) {
  std::error_code ignored;
  fs::path out = fs::weakly_canonical(path, ignored);
  return ignored ? fs::path(path).lexically_normal() : out;
}

bool is_within(const fs::path& path, const fs::path& tree) {
  return std::mismatch(tree.begin(), tree.end(), path.begin(), path.end()).first == tree.end();
}

class Ruleset {
 public:
  static base::Result<Ruleset> make(int level, const std::vector<std::string>& hidden) {
    Ruleset ruleset;
    ruleset.abi_ = landlock_abi();
    if (level > 0) ruleset.abi_ = std::min(ruleset.abi_, level);
    if (ruleset.abi_ < 1)
      return base::Error{"confinement.failed", "this kernel has no Landlock", "", "see docs/worker-toml.md"};
    RulesetAttributes attributes{kRead | write_rights(ruleset.abi_) | kNeverGranted, 0,
                                 ruleset.abi_ >= kLandlockAbiSignals ? kScopeSignal : 0};
    // An older kernel knows fewer fields and takes the shorter struct.
    const std::size_t size = ruleset.abi_ < 4 ? 8 : ruleset.abi_ < kLandlockAbiSignals ? 16 : sizeof attributes;
    ruleset.fd_ = UniqueFd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
    if (!ruleset.fd_) return landlock_error("make a Landlock ruleset");
    for (const std::string& path : hidden) ruleset.hidden_.push_back(resolved(path));
    return ruleset;
  }

  base::Status allow_reading(const std::string& path) { return allow_around_hidden(resolved(path)); }

  base::Status allow_writing(const Tree& tree) {
    FM_ASSIGN(const UniqueFd fd, open_tree_handle(tree));
    return allow(fd, kRead | write_rights(abi_), tree.path);
  }

  base::Status allow_device(const std::string& path) {
    return allow_if_there(path, kRead | LANDLOCK_ACCESS_FS_WRITE_FILE);
  }

  base::Status restrict_self() {
    if (::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0) return landlock_error("enter the Landlock domain");
    return {};
  }

 private:
  base::Status allow(const UniqueFd& fd, std::uint64_t rights, const std::string& name) {
    struct stat facts{};
    if (::fstat(fd.get(), &facts) != 0) return landlock_error("look at " + name);
    if (!S_ISDIR(facts.st_mode)) rights = file_rights(rights);
    const landlock_path_beneath_attr rule{rights, fd.get()};
    if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return landlock_error("allow " + name);
    return {};
  }
  base::Status allow_if_there(const fs::path& path, std::uint64_t rights) {
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    return fd ? allow(fd, rights, path.string()) : base::Status{};
  }

  // A rule holds for a whole tree. Where something in it is hidden its other entries get rules of their own; the
  // directory itself then cannot be listed. Links are left out: what they point at has a rule, or is not to be read.
  base::Status allow_around_hidden(const fs::path& path) {
    const auto beneath = [&](const fs::path& hidden) { return is_within(hidden, path); };
    if (std::find(hidden_.begin(), hidden_.end(), path) != hidden_.end()) return {};
    if (std::none_of(hidden_.begin(), hidden_.end(), beneath)) return allow_if_there(path, kRead);
    std::error_code ignored;
    for (fs::directory_iterator entry(path, ignored), end; !ignored && entry != end; entry.increment(ignored))
      if (!entry->is_symlink(ignored)) FM_TRY(allow_around_hidden(entry->path()));
    return {};
  }

  int abi_ = 0;
  UniqueFd fd_;
  std::vector<fs::path> hidden_;
};

// Devices that a program may use: none of them holds anything of anybody's.
base::Status allow_devices(Ruleset& ruleset) {
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
                             "/dev/ptmx", "/dev/pts", "/dev/dri", "/dev/kfd", "/dev/infiniband", "/dev/nvidia-caps"})
    FM_TRY(ruleset.allow_device(device));
  std::error_code ignored;
  for (fs::directory_iterator entry("/dev", ignored), end; !ignored && entry != end; entry.increment(ignored))
    if (entry->path().filename().string().starts_with("nvidia")) FM_TRY(ruleset.allow_device(entry->path()));
  return {};
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

base::Result<UniqueFd> open_tree_handle(const Tree& tree) {
  UniqueFd fd(::open(tree.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat facts{};
  if (!fd || ::fstat(fd.get(), &facts) != 0) return landlock_error("open " + tree.path);
  if (tree.inode != 0 && (facts.st_ino != tree.inode || facts.st_dev != tree.device))
    return base::Error{"confinement.failed", tree.path + " was exchanged for another directory meanwhile", "", ""};
  return fd;
}

base::Status restrict_by_landlock(const AccessRules& rules) {
  std::vector<std::string> hidden = rules.hidden;
  hidden.emplace_back("/dev");
  FM_ASSIGN(Ruleset ruleset, Ruleset::make(rules.level, hidden));
  for (const std::string& path : rules.read) FM_TRY(ruleset.allow_reading(path));
  for (const Tree& tree : rules.write) FM_TRY(ruleset.allow_writing(tree));
  FM_TRY(allow_devices(ruleset));
  return ruleset.restrict_self();
}

}  // namespace framemill::worker
