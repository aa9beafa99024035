// The scheduler's loop: drain inputs -> apply -> hand what changed to the store -> release answers, acknowledgements,
// publish orders and events when it is durable. Grants alone may overtake the disk. At most two batches are in flight;
// what happens meanwhile gathers in a third. One thread (the EventLoop's) owns all of this; the store and HTTP have their
// own threads and post into the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/secure_router.h"
#include "scheduler/core/farm.h"
#include "scheduler/daemon/committed_files.h"
#include "scheduler/daemon/config.h"
#include "scheduler/daemon/outbox.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/link/worker_link.h"
#include "scheduler/store/store.h"

namespace framemill::wire {
class Grant;
}

namespace framemill::scheduler {

class Scheduler {
 public:
  struct Options {
    std::filesystem::path database;
    net::SecureRouterOptions link;
    base::Duration lease_ttl = base::seconds(120);
    base::Duration silence_alarm = base::seconds(15);
    base::Duration missing_after = base::seconds(600);
    base::Duration progress_timeout = base::seconds(1800);
  };

  // Opens the store, puts its records back and starts to listen to workers. `on_stop` is called on the loop when the
  // scheduler must end (a store error that is not a full disk, promise P8).
  static base::Result<std::unique_ptr<Scheduler>> start(net::EventLoop& loop, Options options,
                                                        std::function<void(base::Error)> on_stop);
  ~Scheduler();

  // --- loop thread ---
  void apply(Event event);  // one turn
  // The answer to the request with this id comes here, when it is durable.
  RequestId expect(std::function<void(base::Result<AnswerValue>)> on_answer);
  const Farm& farm() const { return farm_; }
  // What is on record of the tasks, one for each that was committed; later, from the loop.
  void find_commits(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks,
                    std::function<void(base::Result<std::vector<CommitRecord>>)> done);
  store::Store& store() { return *store_; }
  const std::string& endpoint() const { return link_->endpoint(); }
  void allow_workers(std::vector<net::CurvePublicKey> keys) { link_->allow_only(std::move(keys)); }
  Health health() const;

  // Gets what happened, batch by batch, after the sync. Set before the loop runs.
  void on_events(std::function<void(EventBatch)> sink) { event_sink_ = std::move(sink); }

 private:
  // What waits for a batch to be durable.
  struct Held {
    std::vector<RevokeLease> revokes;
    std::vector<OrderPublish> publishes;
    std::vector<OrderManifest> manifests;
    std::vector<OrderDiscard> discards;
    std::vector<AcknowledgeReport> acknowledgements;
    std::vector<Answer> answers;
    std::vector<FarmEvent> happened;
    bool empty() const;
    void take(Effects& effects);
  };

  Scheduler(net::EventLoop& loop, std::function<void(base::Error)> on_stop);
  base::Status open(Options options);
  void carry_out(Effects effects);
  void write_batch();
  void on_durable(std::uint64_t sequence);
  void release(Held held);
  EventRow named(FarmEvent event) const;
  void send_grant(const GrantLease& grant);
  void refuse_grant(const wire::Grant& grant, std::size_t bytes);
  void send_publish(const OrderPublish& order);
  TaskRuns runs_for(const JobRecord& job) const;
  void send_manifest(const OrderManifest& order);
  void send_discard(const OrderDiscard& order);
  void schedule_deadline();
  void flush_soon();  // once for all turns of this round of the loop

  net::EventLoop& loop_;
  std::function<void(base::Error)> on_stop_;
  Farm farm_{FarmSettings{}};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<CommittedFilesCache> files_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<WorkerLink> link_;
  std::function<void(EventBatch)> event_sink_;

  std::vector<Persist> gathering_;  // the turns that changed something since the last batch was handed over
  Held gathering_held_;
  std::deque<Held> in_flight_;  // one per batch handed over, oldest first
  std::uint64_t durable_sequence_ = 0;
  std::uint64_t event_sequence_ = 0;
  bool disk_full_ = false;
  std::string stop_reason_;

  RequestId last_request_ = 0;
  std::unordered_map<RequestId, std::function<void(base::Result<AnswerValue>)>> waiting_;
  net::Timer deadline_, flush_again_;
  bool flush_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace framemill::scheduler
