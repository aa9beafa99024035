// The turn, the reports, and leases as the scheduler gives, proves and takes them.
#include "worker/core/worker.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::worker {

using jobs::Outcome;

namespace {

constexpr std::size_t kEndedRemembered = 4096;
constexpr std::size_t kSentRemembered = 4096;

constexpr base::Duration kReportPauseMin = base::milliseconds(10);
constexpr base::Duration kReportPauseMax = base::seconds(60);
constexpr base::Duration kPublishingPause = base::milliseconds(900);  // reports come oftener

}  // namespace

Worker::Worker(WorkerSettings settings) : settings_(settings), slots_(settings.slots) {}

Effects Worker::apply(const Event& event, base::Instant now) {
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  leave_when_done();
  return std::exchange(effects_, {});
}

base::Instant Worker::next_deadline() const {
  base::Instant soonest = std::min({drain_until_, leave_at_, conditions_due_});
  if (!draining())
    for (const Slot& slot : slots_) soonest = std::min(soonest, slot.start_due());
  for (const auto& [id, attempt] : attempts_) {
    soonest = std::min({soonest, attempt.timeout_at, attempt.give_up_at});
    if (attempt.stage == Stage::Running && attempt.lease.runner != Runner::Executor)
      soonest = std::min(soonest, margin_start(attempt));
  }
  return soonest;
}

// --- reports ---------------------------------------------------------------------------------------------------------

bool Worker::report_due(base::Instant now) const {
  return next_report() <= now;
}

base::Instant Worker::next_report() const {
  if (news_ || inventory_sent_in_ == 0) return base::Instant{INT64_MIN};
  return std::min(next_report_, outbox_.next_due());
}

Report Worker::make_report(base::Instant now) {
  Report report;
  report.sequence = ++sequence_;
  report.draining = draining();
  if (inventory_sent_in_ == 0) {
    report.with_inventory = true;
    inventory_acked_ = false;
    inventory_sent_in_ = sequence_;
  }
  for (const auto& [id, attempt] : attempts_) {
    RunningLease running{
        id,
        attempt.lease.phase,
        attempt.lease.tasks,
        attempt.lease.slot,
        attempt.progress,
        attempt.lease.runner == Runner::Executor && slots_[attempt.lease.slot].is_warm(attempt.lease.model),
        used(attempt, now),
        {},
        // Behind others in its slot there is nothing that it could do.
        attempt.stage == Stage::Waiting ? attempt.moves + sequence_ : attempt.moves};
    report.running.push_back(std::move(running));
  }
  tell_output(report);
  report.items = outbox_.take(sequence_, now);
  tell_publishing(report, now);
  tell_staged(report);
  sent_at_.emplace(sequence_, now);
  if (sent_at_.size() > kSentRemembered) sent_at_.erase(sent_at_.begin());
  next_report_ = now + report_pause_;
  news_ = false;
  return report;
}

// Until a report that told it is acknowledged; reports get lost.
void Worker::tell_output(Report& report) {
  std::size_t bytes = 0;
  for (RunningLease& running : report.running) {
    Attempt& attempt = attempts_.at(running.attempt);
    if (attempt.output_known || bytes + attempt.output.size() > kReportOutputBytesMax) continue;
    bytes += attempt.output.size();
    running.output = attempt.output;
    attempt.output_sent_in = sequence_;
  }
}

// Neighbours are one range; an order and its result may name the same tasks.
void Worker::tell_publishing(Report& report, base::Instant now) {
  if (publishing_told_ + kPublishingPause > now) return;
  publishing_told_ = now;
  std::vector<std::pair<PhaseId, TaskRange>> held;
  for (const std::set<PublishDuty>* duties : {&std::as_const(duties_), &outbox_.duties()})
    for (const PublishDuty& duty : *duties) held.emplace_back(duty.phase, duty.tasks);
  std::sort(held.begin(), held.end(), [](const auto& a, const auto& b) {
    return std::pair{a.first, a.second.first} < std::pair{b.first, b.second.first};
  });
  for (const auto& [phase, tasks] : held) {
    auto& told = report.publishing;
    if (!told.empty() && told.back().first == phase && told.back().second.end() >= tasks.first) {
      TaskRange& last = told.back().second;
      last.count = std::max(last.end(), tasks.end()) - last.first;
    } else {
      told.emplace_back(phase, tasks);
    }
  }
  report.tells_publishing = report.publishing.size() <= kPublishingRangesMax;
  if (!report.tells_publishing) report.publishing.clear();  // half of it would be a lie
}

// Said once: the next sweep finds again what is still there.
void Worker::tell_staged(Report& report) {
  std::size_t tasks = 0;
  while (!staged_.empty()) {
    auto first = staged_.begin();
    tasks += first->second.tasks.size();
    if (!report.staged.empty() && tasks > kStagedTasksPerReportMax) return;
    report.staged.push_back(std::move(first->second));
    staged_.erase(first);
  }
}

void Worker::on(const LinkConnected&) {
  for (auto& [id, attempt] : attempts_) attempt.output_known = attempt.output.empty();  // perhaps another scheduler
  outbox_.connection_lost();
  inventory_sent_in_ = 0;
}

void Worker::on(const InventoryChanged&) {
  inventory_sent_in_ = 0;
}

void Worker::on(const FilesLookedFor&) {
  news_ = true;
}

// --- the scheduler's answers -----------------------------------------------------------------------------------------

void Worker::on(const ReplyReceived& e) {
  if (e.acked_report > sequence_) return;  // speaks of reports that this incarnation never sent
  acknowledge(e);
  if (e.next_report.ms > 0) {
    report_pause_ = std::clamp(e.next_report, kReportPauseMin, kReportPauseMax);
    if (const auto sent = sent_at_.find(sequence_); sent != sent_at_.end()) next_report_ = sent->second + report_pause_;
  }
  if (e.send_inventory) inventory_sent_in_ = 0;
  scheduler_drains_ = e.drain;
  // What is revoked here is not proven, so revokes come first; what is granted here was not in the acknowledged report.
  for (const RevokedLease& revoked : e.revokes) revoke(revoked);
  if (e.lease_proof) prove_leases(e.acked_report);
  for (const Lease& lease : e.grants) accept(lease, e.acked_report);
  for (const RefusedGrant& grant : e.refused_grants)
    if (!was_seen(grant.attempt) && !outbox_.full()) refuse(grant.attempt, Outcome::Failed, grant.code, grant.text);
  for (const PublishDuty& duty : e.publishes) order(duty);
  for (const ManifestDuty& duty : e.manifests) order(duty);
  for (const JobId job : e.discards)
    if (discards_.size() < kDutiesMax && discards_.insert(job).second) emit(Discard{job});
  sent_at_.erase(sent_at_.begin(), sent_at_.lower_bound(e.acked_report));
  for (SlotIndex slot = 0; slot < slots_.size(); ++slot) start_what_can(slot);
}

void Worker::acknowledge(const ReplyReceived& e) {
  const std::vector<ReportItem> items =
      e.acked_reports ? outbox_.acknowledge(*e.acked_reports) : outbox_.acknowledge_up_to(e.acked_report);
  for (const ReportItem& item : items)
    if (const auto* ended = std::get_if<EndedAttempt>(&item)) emit(SweepIfPublished{ended->attempt});
  for (auto& [id, attempt] : attempts_) {
    const std::uint64_t sent = attempt.output_sent_in;
    if (sent == 0 || attempt.output_known) continue;
    attempt.output_known =
        e.acked_reports ? std::find(e.acked_reports->begin(), e.acked_reports->end(), sent) != e.acked_reports->end()
                        : sent <= e.acked_report;
  }
  if (!e.acked_reports || inventory_sent_in_ == 0 || e.acked_reports->empty()) return;
  const auto& acked = *e.acked_reports;
  if (std::find(acked.begin(), acked.end(), inventory_sent_in_) != acked.end()) inventory_acked_ = true;
  // A later report was taken and not the one with the inventory: it was refused or lost.
  if (!inventory_acked_ && *std::max_element(acked.begin(), acked.end()) > inventory_sent_in_) inventory_sent_in_ = 0;
}

void Worker::prove_leases(std::uint64_t acked_report) {
  const auto sent = sent_at_.find(acked_report);
  if (sent == sent_at_.end()) return;
  for (auto& [id, attempt] : attempts_)
    if (attempt.granted_after < acked_report)
      attempt.proven_until = std::max(attempt.proven_until, sent->second + attempt.lease.ttl);
}

bool Worker::was_seen(const AttemptId& attempt) const {
  return attempts_.contains(attempt) ||
         std::find(ended_lately_.begin(), ended_lately_.end(), attempt) != ended_lately_.end();
}

void Worker::refuse(const AttemptId& attempt, Outcome outcome, std::string code, std::string text) {
  outbox_.add(EndedAttempt{attempt, outcome, std::move(code), std::move(text), {}, false, {}, {}, ""});
  remember_ended(attempt);
}

void Worker::accept(const Lease& lease, std::uint64_t acked_report) {
  if (was_seen(lease.attempt) || outbox_.full()) return;
  if (draining()) return refuse(lease.attempt, Outcome::Revoked, "worker.draining", "The worker is draining.");
  if (lease.slot >= slots_.size())
    return refuse(lease.attempt, Outcome::NotAdmitted, "worker.no_such_slot", "The worker has no slot of that number.");
  if (lease.tasks.empty() || lease.tasks.count > kTasksPerLeaseMax)
    return refuse(lease.attempt, Outcome::NotAdmitted, "worker.lease_too_large",
                  "The lease holds no tasks, or more than 4,096.");
  if (attempts_.size() >= kLeasesMax || slots_[lease.slot].leases.size() >= kLeasesPerSlotMax)
    return refuse(lease.attempt, Outcome::NotAdmitted, "worker.too_many_leases",
                  "The slot holds 64 leases already, or the worker 1,024.");

  if (const HostCondition* condition = conditions_.blocking(lease.root, now_))
    return refuse(lease.attempt, Outcome::NotAdmitted, condition->code, condition->text);

  Attempt attempt;
  attempt.lease = lease;
  attempt.granted_after = sequence_;
  attempt.progress.task = lease.tasks.first;
  // The grant was made after the report that its message acknowledges had been sent: a safe start for the lease.
  auto sent = sent_at_.find(acked_report);
  if (sent == sent_at_.end()) sent = sent_at_.begin();
  attempt.proven_until = (sent == sent_at_.end() ? now_ : sent->second) + lease.ttl;
  attempts_.emplace(lease.attempt, std::move(attempt));
  slots_[lease.slot].leases.push_back(lease.attempt);
  emit(PrepareStaging{lease.attempt});
}

void Worker::revoke(const RevokedLease& revoked) {
  const jobs::RevokeRow& why = jobs::revoke_row(revoked.reason);
  Attempt* attempt = find(revoked.attempt);
  if (attempt == nullptr) {
    if (why.sweeps) emit(SweepStaging{revoked.attempt});
    return;
  }
  if (!revoked.keep.empty()) return take_back(*attempt, revoked.keep);
  attempt->sweep_all = why.sweeps;
  stop(*attempt, {Outcome::Revoked, fmt::format("revoked.{}", why.code), "The scheduler took the lease back."},
       why.keeps_finished);
}

void Worker::take_back(Attempt& attempt, const TaskRange& keep) {
  Lease& lease = attempt.lease;
  const bool smaller = keep.first >= lease.tasks.first && keep.end() <= lease.tasks.end() && keep != lease.tasks;
  if (!smaller) return;
  lease.tasks = keep;
  // Made in the meantime: others make it again, and nobody will give these files their names.
  for (const TaskIndex task : attempt.finished)
    if (!keep.contains(task)) emit(DropTask{lease.attempt, task});
  // A child process cannot be asked to do less; what it makes beyond that is dropped when it comes.
  if (attempt.stage == Stage::Running && lease.runner == Runner::Executor)
    emit(CancelInExecutor{lease.slot, lease.attempt, true, keep});
}

void Worker::order(const PublishDuty& duty) {
  if (duties_.size() >= kDutiesMax || outbox_.holds(duty)) return;
  if (duties_.insert(duty).second) emit(Publish{duty});
}

void Worker::on(const DutyPublished& e) {
  if (conditions_.naming_works(e.root)) inventory_sent_in_ = 0;
  if (duties_.erase(e.duty) == 0) return;
  outbox_.add(PublishedTasks{e.duty});
  if (!attempts_.contains(e.duty.attempt)) emit(SweepIfPublished{e.duty.attempt});
}

void Worker::on(const DutyFailed& e) {
  if (duties_.erase(e.duty) != 0) outbox_.add(PublishFailure{e.duty, e.code, e.text});
  if (conditions_.naming_failed(e.code, e.text, e.root, now_)) keep_away(Outcome::NotAdmitted, e.code, e.text);
}

void Worker::order(const ManifestDuty& duty) {
  if (manifests_.size() >= kManifestsMax || outbox_.holds(duty)) return;
  if (manifests_.insert(duty).second) emit(WriteManifest{duty});
}

void Worker::on(const ManifestDone& e) {
  if (manifests_.erase(e.result.duty) != 0) outbox_.add(e.result);
}

void Worker::on(const JobDiscarded& e) {
  if (discards_.erase(e.job) != 0) outbox_.add(DiscardedJob{e.job});
}

void Worker::on(const TaskRecovered& e) {
  // Beyond the bound the task stays in its staging directory, for the next start.
  if (!outbox_.full()) outbox_.add(e.task);
}

void Worker::on(const StagingLeft& e) {
  if (staged_.size() < kStagedMax && !attempts_.contains(e.staged.attempt))
    staged_.insert_or_assign(e.staged.attempt, e.staged);
}

void Worker::remember_ended(const AttemptId& id) {
  ended_lately_.push_back(id);
  if (ended_lately_.size() > kEndedRemembered) ended_lately_.pop_front();
}

Worker::Attempt* Worker::find(const AttemptId& id) {
  const auto it = attempts_.find(id);
  return it == attempts_.end() ? nullptr : &it->second;
}

}  // namespace framemill::worker
