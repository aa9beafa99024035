// Everything that is looked up before the worker's loop starts; --check-config makes one and stops.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "net/curve_keys.h"
#include "worker/daemon/config.h"
#include "worker/daemon/devices.h"
#include "worker/supervisor/child_access.h"

namespace framemill::worker {

struct DaemonSetup {
  WorkerConfig config;
  HostPlan host;
  net::CurveKeyPair keys;
  net::CurvePublicKey scheduler_key;
  std::filesystem::path own_program, executor, media;
  std::filesystem::path check;  // framemill-check; empty: it is not installed here
  std::optional<gid_t> group;
  AccessPolicy access;
};
// Errors: config.*, keys.*, nvml.failed.
base::Result<DaemonSetup> make_setup(WorkerConfig config);

}  // namespace framemill::worker
