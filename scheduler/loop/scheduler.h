// The scheduler's loop: drain inputs -> apply -> hand what changed to the journal -> let out answers, acknowledgements,
// publish orders and events when it is durable (durability_gate.h). Grants alone may overtake the disk. What it needs of
// the world are ports, so that the daemon runs it on sockets and SQLite, and tests and the simulation in memory and
// virtual time. One thread (the loop's) owns all of this.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "scheduler/core/farm.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/link/committed_files.h"
#include "scheduler/link/order_writer.h"
#include "scheduler/link/worker_port.h"
#include "scheduler/loop/durability_gate.h"
#include "scheduler/store/journal.h"

namespace framemill::scheduler {

class Scheduler {
 public:
  struct Ports {  // they outlive it
    base::Loop& loop;
    store::Journal& journal;  // delivers on the loop
    WorkerPort& workers;
  };
  // `on_stop`: the scheduler must end (a journal's error that is not a full disk, promise P8). The epoch of `settings`
  // is the journal's.
  Scheduler(Ports ports, FarmSettings settings, std::function<void(base::Error)> on_stop);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Puts the journal's records back and takes the first turn. Before any other call. `restored`: gets the records that
  // were put back, before anything else is written. Errors: the journal's.
  base::Status start(const std::function<void(std::vector<Record>)>& restored = nullptr);

  // Sees what each turn wants before any of it is done: for the simulation's invariants and for figures. Set before
  // start() it sees the first turn, too.
  void on_turn(std::function<void(const Effects&)> watch) { turn_watch_ = std::move(watch); }
  // Called when the loop begins a turn and when all that the turn wanted is under way; a turn may begin inside another.
  void on_turn_times(std::function<void()> begun, std::function<void()> over) {
    turn_begun_ = std::move(begun);
    turn_over_ = std::move(over);
  }

  void apply(Event event);  // one turn
  // The answer to the request with this id comes here, when it is durable.
  RequestId expect(std::function<void(base::Result<AnswerValue>)> on_answer);
  // What the journal says of itself. Nothing that waits for the disk is lost while it is full.
  void on_journal_full(const base::Error& error);
  void on_journal_recovered();
  void on_journal_failed(const base::Error& error);

  const Farm& farm() const { return *farm_; }
  // What is on record of the tasks, one for each that was committed; later, from the loop.
  void find_commits(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks,
                    std::function<void(base::Result<std::vector<CommitRecord>>)> done);
  Health health() const;

  // Gets what happened, batch by batch, after the sync. Set before the loop runs.
  void on_events(std::function<void(EventBatch)> sink) { event_sink_ = std::move(sink); }
  // Gets what people are to see: everything at once, then what has changed, before the answers and events of the same
  // turn, and something at least once a second. Set before the loop runs, after start().
  void on_views(std::function<void(ViewChanges, Health)> sink);

 private:
  void carry_out(Effects effects);
  void write_and_release();
  void release(DurabilityGate::Released released);
  void answer(Answer answer);
  void publish_events(std::vector<FarmEvent> happened, std::uint64_t durable_sequence);
  EventRow named(FarmEvent event) const;
  void schedule_deadline();
  void show_views();
  void show_health();
  void flush_soon();                          // once for all turns of this round of the loop
  void post(std::function<void()> function);  // dropped when the scheduler has ended

  Ports ports_;
  FarmSettings settings_;
  std::function<void(base::Error)> on_stop_;
  std::unique_ptr<Farm> farm_;
  std::unique_ptr<CommittedFilesCache> files_;
  std::unique_ptr<OrderWriter> orders_;
  std::function<void(EventBatch)> event_sink_;
  std::function<void(ViewChanges, Health)> view_sink_;
  std::function<void(const Effects&)> turn_watch_;
  std::function<void()> turn_begun_, turn_over_;

  DurabilityGate gate_;
  bool releasing_ = false;
  std::uint64_t event_sequence_ = 0;
  bool disk_full_ = false;
  std::string stop_reason_;

  RequestId last_request_ = 0;
  std::unordered_map<RequestId, std::function<void(base::Result<AnswerValue>)>> waiting_;
  base::Timer deadline_, flush_again_, views_timer_;
  base::Instant views_timer_due_ = base::kNever;
  bool flush_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace framemill::scheduler
