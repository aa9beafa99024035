// The user that a service runs as, so that a check made by root judges files as the service itself would: root may read
// everything, and what root owns looks right to root. For the shells, while the process has one thread.
//
// Errors: user.unknown, user.not_root, user.switch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace framemill::base {

// What packages call it, and its number on every host of a farm (systemd/sysusers.d): storage knows users by number.
inline constexpr const char* kServiceUserName = "framemill";
inline constexpr unsigned kServiceUserId = 64731;

struct ServiceUser {
  std::string name;
  unsigned uid = 0, gid = 0;
};

// As whom a daemon's configuration is to be checked by this process: `wanted`, where a name is given; the packages' user
// where root checks a file below /etc/framemill and that user exists; else nobody but the caller.
Result<std::optional<ServiceUser>> service_user_for(const std::filesystem::path& config_file,
                                                    const std::string& wanted);

// This process is that user from now on, with its groups and no way back.
Status become(const ServiceUser& user);

}  // namespace framemill::base
