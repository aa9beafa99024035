// framemill-scheduler init: what a new farm's scheduler needs beside its configuration, made where it is missing: key pair,
// lists of workers and tokens, data directory, and the first administrator's token. What is there stays as it is, so that
// it may be run again. Prints what it did, what listens where, and what comes next. Blocking.
//
// Errors: those of the files, keys.write, init.directory, init.owner, user.*.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "scheduler/daemon/config.h"

namespace framemill::scheduler {

struct NewFarm {
  std::filesystem::path config_file;
  std::string user;                  // that the service runs as, where root makes the files; empty: the packages' user
  std::string admin;                 // the principal of the first token
  std::filesystem::path token_file;  // where that token goes, for its owner alone
};
base::Status init_farm(const SchedulerConfig& config, const NewFarm& farm);

}  // namespace framemill::scheduler
