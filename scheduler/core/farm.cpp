#include "scheduler/core/farm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/deadlines.h"
#include "scheduler/core/acts/holding.h"
#include "scheduler/core/acts/limits.h"
#include "scheduler/core/acts/maintenance.h"
#include "scheduler/core/acts/matcher.h"
#include "scheduler/core/acts/persist.h"
#include "scheduler/core/acts/publish_orders.h"
#include "scheduler/core/acts/reports.h"
#include "scheduler/core/acts/restart.h"
#include "scheduler/core/acts/serving.h"
#include "scheduler/core/acts/settle.h"
#include "scheduler/core/acts/share_records.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/submit.h"
#include "scheduler/core/acts/verbs.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/acts/waits.h"
#include "scheduler/core/policy/remake_tasks.h"
#include "scheduler/core/sanity.h"
#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/core/views/conditions.h"
#include "scheduler/core/views/diagnosis.h"
#include "scheduler/core/views/explain.h"
#include "scheduler/core/views/job_views.h"
#include "scheduler/core/views/limit_views.h"
#include "scheduler/core/views/share_views.h"
#include "scheduler/core/views/view_feed.h"
#include "scheduler/core/views/worker_views.h"

namespace framemill::scheduler {

struct Farm::State : FarmState {
  RecordSet restart;  // until begin()
  bool begun = false;
};

namespace {

template <class Value>
void answer(FarmState& farm, RequestId request, base::Result<Value> result) {
  if (request == 0) return;
  if (result.ok())
    farm.turn.effects.answers.push_back({request, AnswerValue(std::move(result).value())});
  else
    farm.turn.effects.answers.push_back({request, result.error()});
}

base::Error read_only() {
  return base::error_of(Refusal::StoreReadOnly, "the scheduler's disk is full: changes are refused until space is free",
                        "", "free at least 32 MiB on the disk of the scheduler's data directory; reading still works");
}

struct Apply {
  FarmState& farm;

  void operator()(const JobSubmitted& event) const {
    answer<Submitted>(farm, event.request,
                      farm.read_only ? base::Result<Submitted>(read_only()) : submit_job(farm, event));
  }
  void operator()(const JobChangeRequested& event) const {
    answer<Changed>(farm, event.request, farm.read_only ? base::Result<Changed>(read_only()) : change_job(farm, event));
  }
  void operator()(const JobsChangeRequested& event) const {
    answer<JobsChanged>(farm, event.request,
                        farm.read_only ? base::Result<JobsChanged>(read_only()) : change_jobs(farm, event));
  }
  void operator()(const WorkerChangeRequested& event) const {
    answer<Changed>(farm, event.request,
                    farm.read_only ? base::Result<Changed>(read_only()) : change_worker(farm, event));
  }
  void operator()(const LimitChangeRequested& event) const {
    answer<Changed>(farm, event.request,
                    farm.read_only ? base::Result<Changed>(read_only()) : change_limit(farm, event));
  }
  void operator()(const ShareChangeRequested& event) const {
    answer<Changed>(farm, event.request,
                    farm.read_only ? base::Result<Changed>(read_only()) : change_share(farm, event));
  }
  void operator()(WorkerReported&& event) const { on_worker_reported(farm, std::move(event)); }
  void operator()(const WorkerKeyContested& event) const { on_worker_key_contested(farm, event); }
  void operator()(const TimePassed&) const {}
  void operator()(const StorageBroke&) const { farm.read_only = true; }
  void operator()(const GrantUndeliverable& e) const { on_grant_undeliverable(farm, e); }
  void operator()(const StorageRecovered&) const {
    farm.read_only = false;
    farm.match_wanted = true;
  }
};

base::Instant next_due(const FarmState& farm) {
  if (farm.match_unfinished && !farm.read_only) return base::Instant{INT64_MIN};
  base::Instant due = std::min(farm.leases.next_deadline(), farm.workers.next_alarm());
  due = std::min(due, farm.file_watches.next_look);
  if (!farm.read_only) due = std::min({due, farm.timed_holds.next_look(), farm.drain_plans.next_look()});
  if (!farm.deadline_looks.empty()) due = std::min(due, farm.deadline_looks.begin()->first);
  if (!farm.wakes.empty()) due = std::min(due, *farm.wakes.begin());
  return due;
}

// A turn that comes late (a stalled disk, a machine that was asleep) found nobody listening: workers could not have
// been heard, so their leases and alarms move by the gap.
void forgive_lateness(FarmState& farm) {
  const base::Instant due = next_due(farm);
  if (due == base::kNever || due == base::Instant{INT64_MIN}) return;
  const base::Duration gap = farm.now() - due;
  if (gap <= farm.settings.late_turn) return;
  farm.leases.shift_all(gap);
  farm.workers.shift_all(gap);
}

void fold_task_events(FarmState& farm) {
  for (auto* folded : {&farm.turn.published, &farm.turn.failed}) {
    for (const auto& [layer, tasks] : *folded)
      farm.turn.say(
          LayerEvent{folded == &farm.turn.published ? LayerEvent::What::TasksPublished : LayerEvent::What::TasksFailed,
                     layer.first,
                     layer.second,
                     fmt::format("{} task{}", tasks, tasks == 1 ? "" : "s"),
                     {}});
    folded->clear();
  }
}

// The oldest jobs that are over leave the memory; the store has them all. (Promise P7: memory has a bound.)
void forget_old_jobs(FarmState& farm) {
  for (const auto& at_rest = farm.jobs.at_rest(); at_rest.size() > farm.settings.finished_jobs_max;) {
    JobEntry& job = farm.jobs.get(*at_rest.begin());
    forget_holds(farm, job);
    forget_waits(farm, job);
    forget_deadline(farm, job);
    for (const PhaseEntry& phase : job.phases) {
      farm.classes.release(phase.common_class);
      farm.classes.release(phase.alone_class);
    }
    farm.leases.forget_job(*at_rest.begin());
    note_forgotten_row(farm, farm.jobs.get(*at_rest.begin()));
    farm.jobs.forget(*at_rest.begin(), farm.pace);
  }
}

// What is due by now, whatever the event was.
void pass_time(FarmState& farm) {
  farm.rescale_shares();
  wake(farm);
  end_due_holds(farm);
  begin_planned_drains(farm);
  mark_silent_workers(farm);
  expire_leases(farm);
  rank_by_deadlines(farm);
}

// Nothing changes any more: what the turn did becomes orders, events and records.
Effects close_turn(FarmState& farm) {
  collect_publish_orders(farm);
  fold_task_events(farm);
  note_touched_rows(farm);
  write_dirty_records(farm);
  forget_old_jobs(farm);
  for (const ClassId unused : farm.classes.drop_unused()) {
    farm.able_groups.erase(unused);
    farm.limits.forget(unused);
  }
  return std::exchange(farm.turn.effects, {});
}

// What every turn ends with, whatever began it.
Effects finish_turn(FarmState& farm) {
  pass_time(farm);
  settle(farm);
  const bool changed = farm.match_wanted;
  if (!farm.read_only) match(farm);
  if (!farm.read_only && changed) serve_idle_slots(farm);
  settle(farm);  // what the grants began
  tell_throttled(farm);
  return close_turn(farm);
}

}  // namespace

Farm::Farm(FarmSettings settings) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->shares.configure(state_->settings.shares);
}
Farm::~Farm() = default;
Farm::Farm(Farm&&) noexcept = default;
Farm& Farm::operator=(Farm&&) noexcept = default;

void Farm::put(const Record& record) {
  FM_CHECK(!state_->begun, "records are put back before the farm begins");
  const bool is_history = std::visit([]<class R>(const R&) { return HistoryRecord<R>; }, record);
  if (!is_history) state_->restart.put(record);
}

Effects Farm::begin(base::Now now) {
  FM_CHECK(!state_->begun, "a farm begins once");
  state_->begun = true;
  state_->turn.now = now;
  rebuild(*state_, std::exchange(state_->restart, {}));
  return finish_turn(*state_);
}

Effects Farm::apply(Event event, base::Now now, std::function<bool()> pass_is_over) {
  FM_CHECK(state_->begun, "events come after begin()");
  state_->pass_is_over = std::move(pass_is_over);
  state_->turn.now = now;
  forgive_lateness(*state_);
  std::visit(Apply{*state_}, std::move(event));
  return finish_turn(*state_);
}

base::Instant Farm::next_deadline() const {
  const base::Instant due = next_due(*state_);
  return due == base::Instant{INT64_MIN} ? state_->turn.now.monotonic : due;
}

ViewChanges Farm::take_views(base::Now now) {
  state_->turn.now = now;
  return take_due_views(*state_);
}

ViewChanges Farm::take_all_views(base::Now now) {
  state_->turn.now = now;
  return scheduler::take_all_views(*state_);
}

base::Instant Farm::views_due() const {
  return scheduler::views_due(*state_);
}

std::vector<JobView> Farm::list_jobs(bool live_only) const {
  std::vector<JobView> views;
  Conditions conditions(*state_);
  const auto& jobs = state_->jobs.all();
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job)
    if (!live_only || !job->second.final()) views.push_back(view_of(*state_, job->second, conditions));
  return views;
}

std::optional<JobView> Farm::show_job(JobId id) const {
  const JobEntry* job = state_->jobs.find(id);
  if (job == nullptr) return std::nullopt;
  Conditions conditions(*state_);
  return view_of(*state_, *job, conditions);
}

std::vector<WorkerView> Farm::list_workers(base::Now now) const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : state_->workers.all()) views.push_back(view_of(*state_, worker, now));
  return views;
}

std::vector<ShareView> Farm::list_shares() const {
  return share_views(*state_);
}

base::Result<ExplainView> Farm::explain(JobId job, const std::string& layer, std::optional<std::uint32_t> variant,
                                        std::optional<jobs::Frame> frame, base::Now now) const {
  return explain_task(*state_, job, layer, variant, frame, now);
}

base::Result<DiagnosisView> Farm::diagnose(JobId job, base::Now now) const {
  return diagnose_job(*state_, job, now);
}

std::vector<LimitView> Farm::list_limits() const {
  return limit_views(*state_);
}

const JobRecord* Farm::job(JobId id) const {
  const JobEntry* job = state_->jobs.find(id);
  return job == nullptr ? nullptr : &job->record;
}

std::uint32_t Farm::next_version(const jobs::JobSpec& spec) const {
  std::uint32_t next = 1;
  for (const std::string& shot : jobs::shots_of(spec))
    next = std::max(next, state_->jobs.next_version({spec.show, {spec.sequence, shot}}));
  return next;
}

std::optional<jobs::TaskState> Farm::task_state(PhaseId id, TaskIndex task) const {
  const PhaseEntry* phase = state_->jobs.find(id);
  if (phase == nullptr || task >= phase->tasks.size()) return std::nullopt;
  return phase->tasks.at(task);
}

std::vector<StateRun> Farm::task_runs(PhaseId id) const {
  const PhaseEntry* phase = state_->jobs.find(id);
  if (phase == nullptr) return {};
  return phase->tasks.runs({0, phase->tasks.size()});
}

base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> Farm::tasks_to_remake(const JobChangeRequested& asked) const {
  return scheduler::tasks_to_remake(*state_, asked);
}

PhaseId Farm::committed_as(PhaseId id, TaskIndex task) const {
  const JobEntry* job = state_->jobs.find(id.job);
  if (job == nullptr || !job->record.remake_of || id.index >= job->phases.size()) return id;
  const bool intermediate = job->phases[id.index].plan->traits().intermediate;
  return intermediate || job->remade.contains({id.index, task}) ? id : PhaseId{job->record.remake_of, id.index};
}

const RemakeRecord* Farm::remade(PhaseId id, TaskIndex task) const {
  const JobEntry* job = state_->jobs.find(id.job);
  if (job == nullptr) return nullptr;
  const auto remade = job->remade.find({id.index, task});
  return remade == job->remade.end() ? nullptr : &remade->second;
}

const WorkerRecord* Farm::worker(WorkerId id) const {
  const WorkerEntry* worker = state_->workers.find(id);
  return worker == nullptr ? nullptr : &worker->record;
}

std::optional<WorkerId> Farm::worker_of_key(const std::string& key) const {
  const WorkerEntry* worker = state_->workers.find_key(key);
  if (worker == nullptr) return std::nullopt;
  return worker->record.id;
}

std::uint64_t Farm::slots_looked_at() const {
  return state_->slots_looked_at;
}

std::vector<Record> Farm::records() const {
  return all_records(*state_);
}

std::string Farm::sanity_check() const {
  return first_violation(*state_);
}

}  // namespace framemill::scheduler
