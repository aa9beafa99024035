// Whether the scheduler lets this worker in: one handshake with the keys that the daemon would use, and nothing said.
// Blocking, for a few seconds at most; a worker that runs with the same key is not disturbed.
//
// Errors: link.refused (our key is not on its list), link.not_trusted (the key in scheduler_key_file is not the one that
// answers there), those of the dealer.
#pragma once

#include "base/result.h"
#include "worker/daemon/setup.h"

namespace framemill::worker {

enum class LinkCheck { LetsUsIn, NoAnswer };
base::Result<LinkCheck> check_link(const DaemonSetup& setup);

}  // namespace framemill::worker
