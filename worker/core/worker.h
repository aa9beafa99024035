// The worker as a pure state machine: which attempt runs where, how long its lease is proven, what is still to be told.
// No threads, clocks, files or sockets: apply() takes what happened and the time, and returns what must be done; the
// daemon (worker/daemon) does it on its loop thread and owns the one instance.
//
// Leases (promise P6): a lease is proven until the moment its last acknowledged report was SENT plus its ttl, which is
// never later than the scheduler's own deadline. Inside the last quarter of the ttl nothing new starts and commands are
// stopped; generation runs on and delivers when the scheduler is back.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "worker/core/effects.h"
#include "worker/core/events.h"
#include "worker/core/host_conditions.h"
#include "worker/core/outbox.h"
#include "worker/core/slot.h"

namespace framemill::worker {

struct WorkerSettings {
  std::uint32_t slots = 1;
  base::Duration drain_timeout = base::seconds(60);
  // How long an executor may take to give up a cancelled attempt before it is killed.
  base::Duration cancel_grace = base::seconds(60);
  // How long an otherwise finished worker waits for the scheduler's last acknowledgements.
  base::Duration farewell = base::seconds(5);
};

class Worker {
 public:
  static constexpr std::size_t kLeasesPerSlotMax = 64;
  static constexpr std::size_t kLeasesMax = 1024;
  static constexpr std::size_t kDutiesMax = 8192;   // publish orders at work; more are dropped and ordered again
  static constexpr std::size_t kManifestsMax = 64;  // the same
  static constexpr std::size_t kPublishingRangesMax = 4096;  // told in one report (wire/farm.proto)
  static constexpr std::uint32_t kTasksPerLeaseMax = 4096;
  static constexpr std::size_t kStagedMax = 1024, kStagedTasksPerReportMax = 4096;  // more: at a later sweep
  static constexpr std::size_t kReportOutputBytesMax = 256 << 10;          // of running attempts; the rest follows
  static constexpr base::Duration kOutputPause = base::milliseconds(300);  // what is printed is told after it

  explicit Worker(WorkerSettings settings);

  Effects apply(const Event& event, base::Instant now);
  // The earliest time at which TimePassed changes something; kNever: none.
  base::Instant next_deadline() const;

  // Whether a report should go out now (the shell asks only while it is connected), and the report, which then counts
  // as sent at `now`.
  bool report_due(base::Instant now) const;
  base::Instant next_report() const;
  Report make_report(base::Instant now);

  bool draining() const { return stops_asked_ > 0; }
  const std::vector<Slot>& slots() const { return slots_; }
  std::size_t lease_count() const { return attempts_.size(); }
  std::size_t unacknowledged_count() const { return outbox_.size(); }
  std::vector<HostCondition> host_conditions() const { return conditions_.list(); }
  // What keeps new work for the root (empty: for any) away now; nullptr: nothing does.
  const HostCondition* blocking(const std::string& root, base::Instant now) const {
    return conditions_.blocking(root, now);
  }
  bool holds(const AttemptId& attempt) const { return attempts_.contains(attempt); }
  bool holds(const PublishDuty& duty) const { return duties_.contains(duty); }
  bool holds(const ManifestDuty& duty) const { return manifests_.contains(duty); }

 private:
  enum class Stage { Preparing, Waiting, Running, Ending };
  struct Verdict {  // decided here; what the executor says about its end adds only measured facts
    jobs::Outcome outcome;
    std::string code, text;
  };
  struct Attempt {
    Lease lease;
    Stage stage = Stage::Preparing;
    std::uint64_t granted_after = 0;  // the last report sent before the grant came
    base::Instant proven_until;
    base::Instant timeout_at = base::kNever;
    base::Instant give_up_at = base::kNever;  // Ending: when its executor is killed for it
    std::optional<Verdict> verdict;
    bool sweep_all = false;
    bool progressed = false;
    Progress progress;
    std::uint64_t moves = 1;           // signs of progress: it steps, reads, writes, prints, or waits for its turn
    base::Instant started_at;          // Running or Ending
    std::string output;                // printed up to now
    std::uint64_t output_sent_in = 0;  // the report that told it; 0: none
    bool output_known = true;          // a report that told it is acknowledged
    std::set<TaskIndex> finished;
    std::uint64_t finished_us = 0;  // of the device, for the finished tasks
  };

  void on(const ReplyReceived& e);
  void on(const LinkConnected& e);
  void on(const ExecutorReady& e);
  void on(const ExecutorAlive& e);
  void on(const AttemptProgressed& e);
  void on(const AttemptOutput& e);
  void on(const AttemptMoved& e);
  void on(const TaskFinished& e);
  void on(const AttemptEnded& e);
  void on(const ExecutorDied& e);
  void on(const StagingPrepared& e);
  void on(const DutyPublished& e);
  void on(const DutyFailed& e);
  void on(const JobDiscarded& e);
  void on(const ManifestDone& e);
  void on(const TaskRecovered& e);
  void on(const StagingLeft& e);
  void on(const InventoryChanged& e);
  void on(const FilesLookedFor& e);
  void on(const StopRequested& e);
  void on(const TimePassed& e);

  void accept(const Lease& lease, std::uint64_t acked_report);
  // Holds it, or has ended it lately.
  bool was_seen(const AttemptId& attempt) const;
  void refuse(const AttemptId& attempt, jobs::Outcome outcome, std::string code, std::string text);
  void revoke(const RevokedLease& revoked);
  void take_back(Attempt& attempt, const TaskRange& keep);
  void prove_leases(std::uint64_t acked_report);
  void acknowledge(const ReplyReceived& e);
  void order(const PublishDuty& duty);
  void order(const ManifestDuty& duty);
  void tell_publishing(Report& report, base::Instant now);
  void tell_output(Report& report);
  void tell_staged(Report& report);

  void start_what_can(SlotIndex slot);
  bool may_start(const Attempt& attempt) const;
  void start(Attempt& attempt);
  // Ends it now if nothing runs, else stops what runs and waits for its end.
  void stop(Attempt& attempt, Verdict verdict, bool keep_finished);
  void end(Attempt& attempt, EndedAttempt ended);
  void remember_ended(const AttemptId& id);
  // What the attempt would have on record if it ended at `now` without a word: time that is in no finished task is
  // lost.
  static Usage used(const Attempt& attempt, base::Instant now);
  void end_unstarted(SlotIndex slot, const Verdict& verdict);
  // Takes what an attempt's end says about the host: what waits and cannot be tried now is given back.
  void learn_of_host(const EndedAttempt& ended, const std::string& root, bool started);
  void keep_away(jobs::Outcome outcome, const std::string& code, const std::string& text);
  void start_executors();
  void begin_drain();
  void stop_now();
  void leave_when_done();
  bool quiet() const;

  Attempt* find(const AttemptId& id);
  std::size_t in_flight(SlotIndex slot) const;
  bool child_in(SlotIndex slot) const;
  static base::Instant margin_start(const Attempt& attempt);
  template <class E>
  void emit(E effect) {
    effects_.push_back(std::move(effect));
  }

  const WorkerSettings settings_;
  std::vector<Slot> slots_;
  std::map<AttemptId, Attempt> attempts_;
  std::deque<AttemptId> ended_lately_;  // grants may be repeated: these are not taken again; bounded
  std::set<PublishDuty> duties_;
  std::set<JobId> discards_;
  std::set<ManifestDuty> manifests_;
  base::Instant publishing_told_{INT64_MIN};
  std::map<AttemptId, StagedAttempt> staged_;  // to be told
  Outbox outbox_;
  HostConditions conditions_;
  base::Instant conditions_due_ = base::kNever;

  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, base::Instant> sent_at_;  // of reports that may still be acknowledged; bounded
  std::uint64_t inventory_sent_in_ = 0;             // 0: to be sent
  bool inventory_acked_ = false;
  base::Instant next_report_{INT64_MIN};
  base::Duration report_pause_ = base::seconds(1);
  bool news_ = true;  // something that no item carries: draining, a lease taken

  bool scheduler_drains_ = false;
  int stops_asked_ = 0;
  base::Instant drain_until_ = base::kNever;
  base::Instant leave_at_ = base::kNever;
  bool left_ = false;

  base::Instant now_{};  // of the turn
  Effects effects_;
};

}  // namespace framemill::worker
