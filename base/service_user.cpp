#include "base/service_user.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace framemill::base {
namespace {

constexpr std::string_view kPackagedConfig = "/etc/framemill/";

std::optional<ServiceUser> find_user(const std::string& name) {
  struct passwd entry{};
  struct passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return ServiceUser{name, entry.pw_uid, entry.pw_gid};
}

}  // namespace

Result<std::optional<ServiceUser>> service_user_for(const std::filesystem::path& config_file,
                                                    const std::string& wanted) {
  const bool is_root = ::geteuid() == 0;
  if (wanted.empty()) {
    const std::string file = std::filesystem::absolute(config_file).lexically_normal().string();
    if (!is_root || !file.starts_with(kPackagedConfig)) return std::optional<ServiceUser>();
    return find_user(kServiceUserName);
  }
  const std::optional<ServiceUser> user = find_user(wanted);
  if (!user)
    return Error{"user.unknown", fmt::format("this host has no user {}", wanted), "--user",
                 "systemctl show -p User framemill-scheduler tells which user the service has"};
  if (user->uid == ::geteuid()) return std::optional<ServiceUser>();
  if (!is_root)
    return Error{"user.not_root", fmt::format("only root can make the check as {}", wanted), "--user",
                 fmt::format("run it as root, or as {} without --user", wanted)};
  return user;
}

Status become(const ServiceUser& user) {
  if (::initgroups(user.name.c_str(), user.gid) == 0 && ::setresgid(user.gid, user.gid, user.gid) == 0 &&
      ::setresuid(user.uid, user.uid, user.uid) == 0)
    return {};
  return Error{"user.switch", fmt::format("become the user {}: {}", user.name, std::strerror(errno)), "", ""};
}

}  // namespace framemill::base
