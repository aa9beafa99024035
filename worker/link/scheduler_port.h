// Where a worker's reports go: the real one is SchedulerLink, over ZeroMQ. Replies and the news that there is a
// connection come back to the worker's loop from whoever implements it. Loop thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "worker/link/report.h"

namespace framemill::worker {

class SchedulerPort {
 public:
  virtual ~SchedulerPort() = default;
  virtual bool connected() const = 0;
  // Whether the scheduler's last word was not a refusal: this process is the one that works under its key.
  virtual bool accepted() const = 0;
  // What cannot be sent is lost. Errors: net.*.
  virtual base::Status send(const Report& report, const wire::Inventory* inventory,
                            const std::vector<wire::FilesLookedFor>& looked_for) = 0;
  // One sentence for people: connected, or why not.
  virtual const std::string& status() const = 0;
};

}  // namespace framemill::worker
