// Writing the wire to workers, as report.h reads it: what the core wants them told (grants, publish orders, the rest of
// its effects) becomes messages with their recipes and files, collected into few replies (outbox.h). Sockets, the store
// and clocks are behind the ports, so that it runs in a simulation as it does in the daemon. Loop thread.
//
// The files that an order names may have to be looked up, so orders can become ready later than they were added. A
// grant that cannot be sent, for whatever reason, reaches the core as GrantUndeliverable. All other orders may be
// dropped: the core repeats them after the worker's next report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "scheduler/core/farm.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/link/committed_files.h"
#include "scheduler/link/outbox.h"
#include "scheduler/link/recipe.h"
#include "scheduler/link/worker_port.h"

namespace framemill::scheduler {

class OrderWriter {
 public:
  struct Callbacks {
    // May come from within any call: the core takes it in a turn of its own.
    std::function<void(GrantUndeliverable)> on_undeliverable;
    std::function<void()> on_ready;  // something new waits for flush()
  };
  OrderWriter(jobs::Epoch epoch, const Farm& farm, CommittedFilesCache& files, WorkerPort& workers,
              Callbacks callbacks);

  void add(const GrantLease& lease);
  void add(const OrderPublish& order);
  void add(const OrderManifest& order);
  void add(const OrderDiscard& order);
  void add(const RevokeLease& revoke) { outbox_.add(revoke); }
  void add(const WatchFiles& watch) { outbox_.add(watch); }
  void add(const AcknowledgeReport& acknowledgement) { outbox_.add(acknowledgement); }

  // Every reply says how far the store is.
  void set_durable_sequence(std::uint64_t sequence) { outbox_.set_durable_sequence(sequence); }
  void flush() { outbox_.flush(); }
  bool holding_back() const { return outbox_.holding_back(); }  // flush again soon

 private:
  void finish_grant(WorkerId worker, PhaseId phase, wire::Grant& grant, const std::vector<WantedInput>& wanted,
                    const CommittedFilesCache::Found& found);
  void finish_publish(const OrderPublish& order, const CommittedFilesCache::Found& found);
  TaskRuns runs_for(const JobRecord& job) const;

  const Farm& farm_;
  CommittedFilesCache& files_;
  Callbacks callbacks_;
  Outbox outbox_;
};

}  // namespace framemill::scheduler
