// The farm's core run forward under virtual time, with workers that take as long as somebody says (durations.h) and a
// network, storage and publishing that take no time. What runs is scheduler::Farm itself: a question that is answered
// here is answered by the policy of the product. It starts empty or from a live farm's records, whose leases go on.
//
// Progress is driven by events: a worker reports when work of a lease ends, so the cost of a run grows with its leases
// and not with its length. Nobody falls silent and no lease runs out, whatever the settings say. One thread owns a run;
// it asks no clock, and equal seeds and calls give equal runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "forecast/virtual_worker.h"
#include "scheduler/core/farm.h"

namespace framemill::forecast {

// Who watches a run. Called in the order of virtual time; `at` is the run's clock, in milliseconds.
class FarmWatcher {
 public:
  virtual ~FarmWatcher() = default;
  virtual void on_granted(const scheduler::GrantLease& /*grant*/, base::Instant /*at*/) {}
  virtual void on_finished(scheduler::WorkerId /*by*/, scheduler::PhaseId /*of*/, scheduler::TaskRange /*tasks*/,
                           base::Instant /*at*/) {}
  // Done, Failed or Cancelled.
  virtual void on_job_over(scheduler::JobId /*job*/, jobs::JobState /*state*/, base::Instant /*at*/) {}
};

class VirtualFarm {
 public:
  VirtualFarm(const scheduler::FarmSettings& settings, Durations durations, std::uint64_t seed);
  VirtualFarm(const VirtualFarm&) = delete;
  VirtualFarm& operator=(const VirtualFarm&) = delete;

  // To go on from a live farm: its records, in any order in which the later of one key counts; then begin(). The run's
  // clock begins at start(), which is `now` for people.
  void put(const scheduler::Record& record);
  void begin(base::WallTime now);
  static constexpr base::Instant start() { return {1'000'000}; }

  // How much of a lease's task is done, 0..1, where somebody knows; before its worker joins.
  void recall_progress(scheduler::AttemptId attempt, scheduler::TaskIndex task, double share) {
    progress_.insert_or_assign({attempt, task}, share);
  }
  // A worker with this key. One that the records know goes on with the leases that it has there; how far the first of
  // them is, is guessed from when it was granted. Workers of the records that have not joined when the run first moves
  // on lose their leases.
  scheduler::WorkerId join(const std::string& key, const scheduler::Inventory& inventory);
  void leave(scheduler::WorkerId worker);  // it loses its leases and gets no more

  // At the present moment of the run. Errors: as of the farm.
  base::Result<scheduler::JobId> submit(std::shared_ptr<const jobs::JobSpec> spec,
                                        std::vector<jobs::PackageFacts> packages, scheduler::Cause cause);
  base::Result<scheduler::Changed> change(scheduler::JobChangeRequested change);
  base::Result<scheduler::Changed> change(scheduler::WorkerChangeRequested change);

  enum class Stop {
    Reached,  // the moment; the clock stands there
    Idle,     // nothing more happens by itself; the clock stands at `end`, or at the last event where that is kNever
    Cut       // by may_go_on: the clock stands at the last event
  };
  // Everything up to and at `end` happens; the clock then stands there (Reached). `may_go_on`: asked after every 64
  // events, for runs whose time is bounded; null: always.
  Stop run_until(base::Instant end, const std::function<bool()>& may_go_on = nullptr);
  Stop run_until_idle(const std::function<bool()>& may_go_on = nullptr) { return run_until(base::kNever, may_go_on); }

  base::Instant now() const { return {clock_ / 1000}; }
  base::WallTime wall() const { return wall_at(now()); }
  base::WallTime wall_at(base::Instant at) const { return {wall_start_.unix_ms + (at - start()).ms}; }

  void watch(FarmWatcher* watcher) { watcher_ = watcher; }  // null: nobody
  scheduler::Farm& farm() { return farm_; }
  const scheduler::Farm& farm() const { return farm_; }
  std::uint64_t events() const { return events_; }  // turns of the core so far
  SlotTime spent() const;                           // by all slots so far, in what was reported

 private:
  struct Moment {  // a slot's stretch ends
    Micros at = 0;
    std::uint64_t number = 0;  // of equal ones the first that was announced
    scheduler::WorkerId worker;
    std::uint32_t place = 0, wake = 0;
    bool operator>(const Moment& other) const { return std::pair{at, number} > std::pair{other.at, other.number}; }
  };

  base::Now farm_now() const { return {now(), wall()}; }
  VirtualWorker& worker(scheduler::WorkerId id) { return *workers_[id.value]; }
  bool has_joined(scheduler::WorkerId id) const { return id.value < workers_.size() && workers_[id.value] != nullptr; }
  void apply(scheduler::Event event);
  void carry_out(scheduler::Effects effects);
  void take_grant(const scheduler::GrantLease& grant);
  void take_revoke(const scheduler::RevokeLease& order);
  void tell_watcher(const scheduler::Effects& effects);
  scheduler::WorkerReported& owed_report(scheduler::WorkerId id);
  void send_owed_reports();
  void start_slot(VirtualWorker& worker, std::uint32_t place, const Begun& begun = {});
  Begun begun_of(const scheduler::AttemptRecord& record, scheduler::TaskIndex first) const;
  void announce(VirtualWorker& worker, std::uint32_t place);
  void end_moment(const Moment& moment);
  void drop_absent_workers();
  void recall_leases(VirtualWorker& worker);
  template <class Value>
  base::Result<Value> answer_of(scheduler::Event event);

  scheduler::Farm farm_;
  Durations durations_;
  std::uint64_t seed_;
  base::WallTime wall_start_;
  Micros clock_ = start().ms * 1000;
  bool begun_ = false, moved_on_ = false;
  // Live attempts of the records, by worker; and how far their tasks are, where somebody said so.
  std::map<std::pair<scheduler::WorkerId, scheduler::AttemptId>, scheduler::AttemptRecord> recalled_;
  std::map<std::pair<scheduler::AttemptId, scheduler::TaskIndex>, double> progress_;
  std::vector<std::unique_ptr<VirtualWorker>> workers_;  // by id; null: not joined
  std::priority_queue<Moment, std::vector<Moment>, std::greater<>> moments_;
  std::map<scheduler::WorkerId, scheduler::WorkerReported> owed_;  // reports that orders call for, at this moment
  std::vector<scheduler::Answer> answers_;
  FarmWatcher* watcher_ = nullptr;
  std::uint64_t announced_ = 0, events_ = 0;
};

}  // namespace framemill::forecast
