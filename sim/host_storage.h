// A host's way to the shared root: operations take drawn times on its I/O threads and are reported soon after they are
// done, so that a process may die between the two. The host may lose the root, or find it full. One per process.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/process.h"
#include "sim/random.h"
#include "sim/shared_root.h"
#include "sim/trace.h"
#include "worker/loop/ports.h"

namespace framemill::sim {

struct RootSight {  // what the host sees of the root now; faults change it
  bool lost = false, full = false;
  bool slow = false;  // what is asked takes seconds
};

class HostStorage final : public worker::StoragePort {
 public:
  struct Place {
    Process& process;
    SharedRoot& root;
    const RootSight& sight;
    Facts& facts;
    Trace& trace;
    std::size_t worker = 0;
    std::string name, key;  // of the worker
  };
  HostStorage(Place place, Random random, std::function<void(worker::Event)> happen)
      : place_(std::move(place)), random_(random), happen_(std::move(happen)) {}

  std::vector<worker::TaskRecovered> open() override;
  void refresh() override {}
  void prepare(const worker::AttemptId& attempt, const wire::Grant& grant) override;
  void publish(const worker::PublishDuty& duty, const wire::PublishOrder& order) override;
  void write_manifest(const worker::ManifestDuty& duty, const wire::ManifestOrder& order) override;
  void discard(worker::JobId job, const std::vector<std::string>& roots) override;
  void sweep(const worker::AttemptId& attempt) override;
  void drop_task(const worker::AttemptId& attempt, worker::TaskIndex task) override;
  void sweep_if_published(const worker::AttemptId& attempt) override;
  void sweep_left(std::function<bool(const worker::AttemptId&)> held) override;

 private:
  void sweep_or_tell(const worker::AttemptId& attempt);
  void later(std::function<void()> what);
  // `act` when its turn comes, and then `tell` with the code; empty: it is done.
  void run(std::function<std::string()> act, std::function<void(const std::string&)> tell);

  Place place_;
  Random random_;
  std::function<void(worker::Event)> happen_;
};

}  // namespace framemill::sim
