// The worker's roots and everything done in them, on two I/O threads: one for staging, publishing and sweeping, one for
// the digests of commands' files and for manifests, so that a long movie does not hold up frames. Results come back as
// core events. Loop thread, but for what the I/O threads run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "wire/farm.pb.h"
#include "worker/core/events.h"
#include "worker/supervisor/child_work.h"
#include "worker/supervisor/io_thread.h"
#include "worker/supervisor/publisher.h"

namespace framemill::worker {

struct StorageSettings {
  std::map<std::string, std::filesystem::path> roots;
  std::string owner;  // this worker's public key
  PublishSettings publish;
};

class Storage {
 public:
  Storage(net::EventLoop& loop, StorageSettings settings, std::function<void(Event)> happen);
  ~Storage();  // finishes what is queued; its results are dropped

  // At the start, before the loop runs: opens the roots and finds what an earlier run left. The recovered tasks.
  std::vector<TaskRecovered> open();

  const RootTable& roots() const { return roots_; }
  const std::vector<wire::Root>& states() const { return states_; }
  IoThread& children_io() { return children_io_; }

  void refresh();  // looks at the roots again; InventoryChanged when that shows
  // Removes directories of attempts that are over and published, also by other workers. `held`: still at work here.
  void sweep_left(std::function<bool(const AttemptId&)> held);

  void prepare(const AttemptId& attempt, const wire::Grant& grant);
  void publish(const PublishDuty& duty, const wire::PublishOrder& order);
  void write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order);
  void discard(JobId job, const std::vector<std::string>& roots);
  void sweep(const AttemptId& attempt);
  void sweep_if_published(const AttemptId& attempt);

 private:
  struct Look {
    RootTable table;
    std::vector<wire::Root> states;
    std::vector<base::Error> problems;
  };
  static Look look(const std::map<std::string, std::filesystem::path>& roots);
  void take(Look look);
  template <class Work, class Then>
  bool run(Work work, Then then);

  net::EventLoop& loop_;
  const StorageSettings settings_;
  std::function<void(Event)> happen_;
  RootTable roots_;
  std::vector<wire::Root> states_;
  std::map<std::string, std::string> told_;  // root -> problem that was logged
  bool refreshing_ = false;
  std::shared_ptr<bool> alive_;  // posted results look whether this object still is
  IoThread children_io_;
  IoThread io_;
};

}  // namespace framemill::worker
