#include "forecast/virtual_farm.h"

#include <algorithm>
#include <variant>

#include "base/check.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;

// Longer than any run.
constexpr base::Duration kForEver = base::seconds(20ll * 365 * 86'400);
// A lease of many tasks reports what it has finished at least so often.
constexpr Micros kReportEvery = 30'000'000;
constexpr std::uint64_t kEventsBetweenAsks = 64;

FarmSettings undisturbed(FarmSettings settings) {
  settings.lease_ttl = settings.silence_alarm = settings.progress_timeout = kForEver;
  settings.late_turn = kForEver;
  ++settings.epoch.number;  // attempts of the run are not those of the records
  return settings;
}

bool is_over(JobEvent::What what) {
  return what == JobEvent::What::Done || what == JobEvent::What::Failed || what == JobEvent::What::Cancelled;
}

jobs::JobState state_of(JobEvent::What what) {
  if (what == JobEvent::What::Done) return jobs::JobState::Done;
  return what == JobEvent::What::Failed ? jobs::JobState::Failed : jobs::JobState::Cancelled;
}

}  // namespace

VirtualFarm::VirtualFarm(const FarmSettings& settings, Durations durations, std::uint64_t seed)
    : farm_(undisturbed(settings)), durations_(std::move(durations)), seed_(seed) {
  FM_CHECK(durations_.task_s != nullptr, "a virtual farm that is not told what a task takes");
}

void VirtualFarm::put(const Record& record) {
  farm_.put(record);
  const auto* attempt = std::get_if<AttemptRecord>(&record);
  if (attempt == nullptr) return;
  if (attempt->live)
    recalled_.insert_or_assign(std::pair{attempt->worker, attempt->id}, *attempt);
  else
    recalled_.erase({attempt->worker, attempt->id});
}

void VirtualFarm::begin(base::WallTime now) {
  wall_start_ = now;
  begun_ = true;
  carry_out(farm_.begin(farm_now()));
}

WorkerId VirtualFarm::join(const std::string& key, const Inventory& inventory) {
  FM_CHECK(begun_, "workers join a virtual farm that has begun");
  auto joining = std::make_unique<VirtualWorker>(durations_, seed_, key, inventory);
  const auto known = farm_.worker_of_key(key);
  if (known) {
    joining->id = *known;
    joining->incarnation = std::max<std::uint64_t>(farm_.worker(*known)->incarnation, 1);
    if (!moved_on_) recall_leases(*joining);
  }
  WorkerReported report;
  joining->fill(report);
  // Its first report may bring grants: it must be found by its id then. The core numbers workers as they come.
  if (!known) {
    WorkerReported first;
    first.key = key;
    first.incarnation = joining->incarnation;
    carry_out(farm_.apply(std::move(first), farm_now()));
    ++events_;
    joining->id = *farm_.worker_of_key(key);
  }
  const WorkerId id = joining->id;
  if (workers_.size() <= id.value) workers_.resize(id.value + 1);
  FM_CHECK(workers_[id.value] == nullptr, "a worker joins twice");
  workers_[id.value] = std::move(joining);
  apply(std::move(report));
  return id;
}

// What a lease has done of its first task is not on record. Where nobody said: one that committed nothing has worked since
// it was granted; another is half through.
Begun VirtualFarm::begun_of(const AttemptRecord& record, TaskIndex first) const {
  if (const auto told = progress_.find({record.id, first}); told != progress_.end()) return {0, told->second};
  if (record.tasks_committed > 0) return {0, 0.5};
  return {std::max<Micros>(wall_start_.unix_ms - record.granted.unix_ms, 0) * 1000, std::nullopt};
}

void VirtualFarm::recall_leases(VirtualWorker& worker) {
  std::vector<Begun> begun(worker.slots().size());
  // By attempt: in the order in which they were granted.
  for (auto next = recalled_.lower_bound({worker.id, {}}); next != recalled_.end(); ++next) {
    const AttemptRecord& record = next->second;
    if (record.worker != worker.id) break;
    if (farm_.job(record.phase.job) == nullptr) continue;
    HeldLease lease;
    lease.attempt = record.id;
    lease.phase = record.phase;
    lease.job = farm_.job(record.phase.job);
    const auto is_made = [&](TaskIndex task) {
      const auto state = farm_.task_state(record.phase, task);
      return state == jobs::TaskState::Committed || state == jobs::TaskState::Published;
    };
    TaskIndex first = record.tasks.first;
    while (first < record.tasks.end() && is_made(first)) ++first;
    lease.tasks = {first, record.tasks.end() - first};
    lease.tasks_reported = first - record.tasks.first;
    const auto found = worker.find_slot(record.slot);
    if (!found) continue;  // the worker does not name the lease, and the farm takes it back
    const std::uint32_t place = *found;
    if (worker.slots()[place].held.empty()) begun[place] = begun_of(record, first);
    if (!lease.tasks.empty()) worker.take(place, std::move(lease));
  }
  for (std::uint32_t place = 0; place < begun.size(); ++place) start_slot(worker, place, begun[place]);
}

void VirtualFarm::leave(WorkerId id) {
  VirtualWorker& leaving = worker(id);
  leaving.gone = true;
  ++leaving.incarnation;
  leaving.sequence = 0;
  for (VirtualSlot& slot : leaving.slots()) {
    slot.held.clear();
    slot.stretch = {};
    ++slot.wake;
  }
  WorkerReported report;
  leaving.fill(report);
  apply(std::move(report));
}

void VirtualFarm::drop_absent_workers() {
  if (moved_on_) return;
  moved_on_ = true;
  std::map<WorkerId, bool> absent;
  for (const auto& [id, record] : recalled_)
    if (!has_joined(record.worker)) absent.emplace(record.worker, true);
  for (const auto& [id, is_absent] : absent) {
    const WorkerRecord* record = farm_.worker(id);
    if (record == nullptr || record->revoked) continue;
    WorkerReported report;
    report.key = record->key;
    report.incarnation = record->incarnation + 1;
    report.draining = true;
    report.sequence = 1;
    apply(std::move(report));
  }
  recalled_.clear();
  progress_.clear();
}

void VirtualFarm::apply(Event event) {
  ++events_;
  carry_out(farm_.apply(std::move(event), farm_now()));
  send_owed_reports();
}

void VirtualFarm::carry_out(Effects effects) {
  for (const RevokeLease& order : effects.revokes) take_revoke(order);
  for (const GrantLease& grant : effects.grants) take_grant(grant);
  for (const OrderPublish& order : effects.publishes)
    if (has_joined(order.worker)) owed_report(order.worker).published.push_back({order.phase, order.tasks});
  for (const OrderManifest& order : effects.manifests)
    if (has_joined(order.worker))
      owed_report(order.worker).manifests.push_back({order.job, order.number, order.revision, {}, {}});
  for (const OrderDiscard& order : effects.discards)
    if (has_joined(order.worker)) owed_report(order.worker).discarded.push_back(order.job);
  for (Answer& answer : effects.answers) answers_.push_back(std::move(answer));
  if (watcher_ != nullptr) tell_watcher(effects);
}

void VirtualFarm::tell_watcher(const Effects& effects) {
  for (const GrantLease& grant : effects.grants) watcher_->on_granted(grant, now());
  for (const FarmEvent& happened : effects.happened) {
    const auto* job = std::get_if<JobEvent>(&happened);
    if (job != nullptr && is_over(job->what)) watcher_->on_job_over(job->job, state_of(job->what), now());
  }
}

WorkerReported& VirtualFarm::owed_report(WorkerId id) {
  return owed_[id];
}

void VirtualFarm::send_owed_reports() {
  while (!owed_.empty()) {
    auto next = owed_.extract(owed_.begin());
    WorkerReported report = std::move(next.mapped());
    worker(next.key()).fill(report);
    ++events_;
    carry_out(farm_.apply(std::move(report), farm_now()));
  }
}

void VirtualFarm::take_grant(const GrantLease& grant) {
  VirtualWorker& granted = worker(grant.worker);
  HeldLease lease;
  lease.attempt = grant.attempt;
  lease.phase = grant.phase;
  lease.tasks = grant.tasks;
  lease.job = farm_.job(grant.phase.job);
  const auto found = granted.find_slot(grant.slot);
  FM_CHECK(found.has_value(), "a grant for a slot that the worker did not report");
  const std::uint32_t place = *found;
  const bool was_free = granted.slots()[place].held.empty();
  granted.take(place, std::move(lease));
  if (was_free) start_slot(granted, place);
}

void VirtualFarm::take_revoke(const RevokeLease& order) {
  if (!has_joined(order.worker)) return;
  VirtualWorker& revoked = worker(order.worker);
  std::uint32_t place = 0;
  switch (revoked.revoke(order, clock_, place)) {
    case VirtualWorker::Change::None:
      return;
    case VirtualWorker::Change::Free:
      return start_slot(revoked, place);
    case VirtualWorker::Change::Shorter:
      return announce(revoked, place);
  }
}

void VirtualFarm::start_slot(VirtualWorker& of, std::uint32_t place, const Begun& begun) {
  if (of.begin_stretch(place, clock_, kReportEvery, begun)) announce(of, place);
}

void VirtualFarm::announce(VirtualWorker& of, std::uint32_t place) {
  const VirtualSlot& slot = of.slots()[place];
  moments_.push({slot.ends, ++announced_, of.id, place, slot.wake});
}

void VirtualFarm::end_moment(const Moment& moment) {
  VirtualWorker& ending = worker(moment.worker);
  WorkerReported report;
  ending.end_stretch(moment.place, report);
  if (watcher_ != nullptr)
    for (const TasksPublished& finished : report.published)
      watcher_->on_finished(ending.id, finished.phase, finished.tasks, now());
  start_slot(ending, moment.place);
  ending.fill(report);
  apply(std::move(report));
}

VirtualFarm::Stop VirtualFarm::run_until(base::Instant end, const std::function<bool()>& may_go_on) {
  FM_CHECK(begun_, "a virtual farm runs once it has begun");
  drop_absent_workers();
  const Micros end_at = end == base::kNever ? INT64_MAX : end.ms * 1000;
  for (std::uint64_t asked = events_;;) {
    if (may_go_on && events_ - asked >= kEventsBetweenAsks) {
      asked = events_;
      if (!may_go_on()) return Stop::Cut;
    }
    while (!moments_.empty()) {  // those that count no more
      const Moment& next = moments_.top();
      if (worker(next.worker).slots()[next.place].wake == next.wake) break;
      moments_.pop();
    }
    const base::Instant due = farm_.next_deadline();
    const Micros due_at = due == base::kNever ? INT64_MAX : std::max(due.ms * 1000, clock_);
    const Micros work_at = moments_.empty() ? INT64_MAX : moments_.top().at;
    const Micros next_at = std::min(due_at, work_at);
    // Beyond any lease and alarm nothing is left that was to happen.
    if (next_at >= (start() + kForEver).ms * 1000) {
      if (end != base::kNever) clock_ = end_at;
      return Stop::Idle;
    }
    if (next_at > end_at) {
      clock_ = end_at;
      return Stop::Reached;
    }
    clock_ = std::max(clock_, next_at);
    if (due_at <= work_at) {
      apply(TimePassed{});
      continue;
    }
    const Moment moment = moments_.top();
    moments_.pop();
    end_moment(moment);
  }
}

SlotTime VirtualFarm::spent() const {
  SlotTime sum;
  for (const auto& one : workers_) {
    if (one == nullptr) continue;
    sum.work += one->spent().work;
    sum.load += one->spent().load;
    sum.lost += one->spent().lost;
  }
  return sum;
}

template <class Value>
base::Result<Value> VirtualFarm::answer_of(Event event) {
  answers_.clear();
  apply(std::move(event));
  FM_CHECK(!answers_.empty(), "the farm answers each request");
  base::Result<AnswerValue> answer = std::move(answers_.front().value);
  if (!answer.ok()) return answer.error();
  return std::get<Value>(answer.value());
}

base::Result<JobId> VirtualFarm::submit(std::shared_ptr<const jobs::JobSpec> spec,
                                        std::vector<jobs::PackageFacts> packages, Cause cause) {
  JobSubmitted event;
  event.request = 1;
  event.cause = std::move(cause);
  event.spec = std::move(spec);
  event.packages = std::move(packages);
  FM_ASSIGN(const Submitted submitted, answer_of<Submitted>(std::move(event)));
  return submitted.job;
}

base::Result<Changed> VirtualFarm::change(JobChangeRequested change) {
  change.request = 1;
  return answer_of<Changed>(std::move(change));
}

base::Result<Changed> VirtualFarm::change(WorkerChangeRequested change) {
  change.request = 1;
  return answer_of<Changed>(std::move(change));
}

}  // namespace framemill::forecast
