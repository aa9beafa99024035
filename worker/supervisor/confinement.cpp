#include "worker/supervisor/confinement.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "worker/supervisor/mount_view.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kPlanBytesMax = 1 << 20;

base::Error confine_error(const std::string& what) {
  return {"confinement.failed", fmt::format("{}: {}", what, std::strerror(errno)), "", ""};
}

// --- the plan as bytes: fields that end in a zero byte, the first character of each says what it is -------------------

std::string plan_bytes(const Confinement& c) {
  std::string out;
  const auto add = [&out](char kind, const std::string& text) { (out += kind).append(text).push_back('\0'); };
  if (c.landlock) add('l', "");
  if (c.mount_view) add('m', "");
  if (c.user) add('u', fmt::format("{} {} {}", c.user->uid, c.user->gid, c.user->name));
  for (const std::string& path : c.access.read) add('r', path);
  for (const Tree& tree : c.access.write) add('w', fmt::format("{} {} {}", tree.device, tree.inode, tree.path));
  for (const std::string& path : c.access.hidden) add('h', path);
  if (c.access.level > 0) add('v', fmt::format("{}", c.access.level));
  add('.', "");  // the end: what is cut short must not pass for a plan that allows less or hides less
  return out;
}

// "NUMBER NUMBER TEXT".
template <class First, class Second>
bool read_numbers(std::string_view text, First& first, Second& second, std::string& rest) {
  const char* end = text.data() + text.size();
  const auto a = std::from_chars(text.data(), end, first);
  if (a.ec != std::errc() || a.ptr == end || *a.ptr != ' ') return false;
  const auto b = std::from_chars(a.ptr + 1, end, second);
  if (b.ec != std::errc() || b.ptr == end || *b.ptr != ' ') return false;
  rest.assign(b.ptr + 1, end);
  return true;
}

bool read_field(char kind, std::string_view text, Confinement& c) {
  Tree tree;
  JobUser user;
  switch (kind) {
    case 'l':
      c.landlock = true;
      return true;
    case 'm':
      c.mount_view = true;
      return true;
    case 'u':
      if (!read_numbers(text, user.uid, user.gid, user.name)) return false;
      c.user = user;
      return true;
    case 'r':
      c.access.read.emplace_back(text);
      return true;
    case 'w':
      if (!read_numbers(text, tree.device, tree.inode, tree.path)) return false;
      c.access.write.push_back(tree);
      return true;
    case 'v':
      return std::from_chars(text.data(), text.data() + text.size(), c.access.level).ptr == text.data() + text.size();
    case 'h':
      c.access.hidden.emplace_back(text);
      return true;
    default:
      return false;
  }
}

base::Result<Confinement> parse_plan(std::string_view bytes) {
  Confinement c;
  c.landlock = false;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos || end == 0) break;
    if (bytes.front() == '.' && end == 1 && bytes.size() == 2) return c;
    if (!read_field(bytes.front(), bytes.substr(1, end - 1), c)) break;
    bytes.remove_prefix(end + 1);
  }
  return base::Error{"confinement.failed", "what the program may touch was not handed over whole", "", ""};
}

// --- in the child ----------------------------------------------------------------------------------------------------

base::Status drop_capabilities() {
  // The bounding set first: it needs a capability. What is not there cannot be dropped and need not be.
  for (int capability = 0; capability <= 63; ++capability)
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return confine_error("drop the capabilities");
  return {};
}

base::Status become(const JobUser& user) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
      ::setresuid(user.uid, user.uid, user.uid) != 0)
    return confine_error("become the user " + user.name);
  // A change of user makes the process's own /proc entries root's.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return {};
}

base::Status enter_view(const Confinement& c) {
  std::error_code failed;
  const std::string directory = std::filesystem::current_path(failed).string();
  bool became = !c.user;
  if (c.mount_view) {
    if (!enter_namespaces(Namespaces::Mounts).ok()) {
      if (!became) FM_TRY(become(*c.user));
      became = true;
      FM_TRY(enter_namespaces(Namespaces::UsersAndMounts));
    }
    FM_TRY(make_read_only_view(c.access.write));
  }
  if (!became) FM_TRY(become(*c.user));
  // By name once more: the directory that it was in belongs to the mounts that were left.
  if (failed || ::chdir(directory.c_str()) != 0) return confine_error("enter " + directory);
  return {};
}

}  // namespace

ConfinementSupport probe_confinement() {
  return {landlock_abi(), mount_view_works()};
}

bool can_confine(const ConfinementSupport& support, bool other_user) {
  return support.landlock_abi >= 1 && (support.mount_view || other_user);
}

std::string describe(const ConfinementSupport& support, const std::string& other_user) {
  std::string out = support.landlock_abi > 0 ? fmt::format("Landlock {}", support.landlock_abi) : "no Landlock";
  out += support.mount_view ? ", read-only view" : ", no read-only view";
  if (!other_user.empty()) out += ", user " + other_user;
  if (support.landlock_abi < kLandlockAbiSignals && other_user.empty()) out += ", signals not confined";
  return out;
}

base::Status may_run_as(const JobUser& user) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> held{};
  constexpr std::uint32_t kWanted = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;
  if (::syscall(SYS_capget, &header, held.data()) == 0 && (held[0].effective & kWanted) == kWanted) return {};
  return base::Error{"confinement.failed", "this process may not run programs as " + user.name, "",
                     "give the worker CAP_SETUID, CAP_SETGID and CAP_KILL (docs/OPERATIONS.md, Confinement)"};
}

std::vector<std::string> system_trees() {
  return {"/usr",
          "/bin",
          "/sbin",
          "/lib",
          "/lib32",
          "/lib64",
          "/libx32",
          "/opt",
          "/etc",
          "/proc",
          "/sys",
          "/var/cache/fontconfig",
          "/run/systemd/resolve",
          "/run/resolvconf",
          "/run/NetworkManager",
          "/run/nscd",
          "/run/nvidia-persistenced"};
}

std::vector<std::string> system_secrets() {
  return {"/etc/framemill", "/etc/shadow", "/etc/shadow-",     "/etc/gshadow",
          "/etc/gshadow-",  "/etc/ssh",    "/etc/ssl/private", "/etc/krb5.keytab"};
}

base::Result<UniqueFd> hand_over(const Confinement& confinement) {
  const std::string bytes = plan_bytes(confinement);
  UniqueFd file(::memfd_create("framemill-confinement", MFD_CLOEXEC));
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return confine_error("write down what a program may touch");
  return file;
}

base::Result<Confinement> take_over_confinement() {
  const UniqueFd file(kConfinementDescriptor);
  std::string bytes(kPlanBytesMax, '\0');
  const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (n < 0) return confine_error("read what the program may touch");
  return parse_plan(std::string_view(bytes).substr(0, static_cast<std::size_t>(n)));
}

base::Status confine(const Confinement& c) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return confine_error("give up new privileges");
  FM_TRY(enter_view(c));
  if (c.landlock) {
    AccessRules access = c.access;
    if (c.mount_view && ::access("/dev/shm", F_OK) == 0) access.write.push_back({"/dev/shm"});  // the view's own
    FM_TRY(restrict_by_landlock(access));
  }
  return drop_capabilities();
}

}  // namespace framemill::worker
