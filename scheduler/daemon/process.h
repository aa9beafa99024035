// The scheduler's loop with its real ports: the SQLite store, the workers' ZeroMQ link and the event loop.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/secure_router.h"
#include "scheduler/link/worker_link.h"
#include "scheduler/loop/scheduler.h"
#include "scheduler/store/store.h"

namespace framemill::scheduler {

class SchedulerProcess {
 public:
  struct Options {
    std::filesystem::path database;
    net::SecureRouterOptions link;
    FarmSettings settings;
    std::function<void(std::chrono::microseconds)> on_commit;  // store::StoreOptions
    // Whoever keeps a copy of what is on record: gets what a restart put back, then each batch that became durable, on
    // the store's thread. May be empty; outlives the process.
    std::function<void(std::vector<Record>)> on_restored;
    std::function<void(std::vector<Persist>)> on_durable;
  };
  // Opens the store, puts its records back and listens to workers. `on_stop` is called on the loop when the scheduler
  // must end.
  static base::Result<std::unique_ptr<SchedulerProcess>> start(net::EventLoop& loop, Options options,
                                                               std::function<void(base::Error)> on_stop);

  // --- loop thread ---
  Scheduler& scheduler() { return *scheduler_; }
  store::StoreCounters store_counters() const { return store_->counters(); }     // any thread
  net::SecureRouterCounters link_counters() const { return link_->counters(); }  // any thread
  store::History& history() { return *store_; }                                  // any thread
  // Whether acknowledged history may be missing in the store.
  bool history_is_incomplete() const { return store_->epoch_history().is_incomplete; }
  // `done` is called on the loop with the size in bytes.
  base::Status copy_store(std::filesystem::path file, std::function<void(base::Result<std::uint64_t>)> done) {
    return store_->backup(std::move(file), std::move(done));
  }
  const std::string& endpoint() const { return link_->endpoint(); }
  void allow_workers(std::vector<net::CurvePublicKey> keys) { link_->allow_only(std::move(keys)); }

 private:
  SchedulerProcess() = default;
  base::Status open(net::EventLoop& loop, Options options, std::function<void(base::Error)> on_stop);

  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<WorkerLink> link_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace framemill::scheduler
