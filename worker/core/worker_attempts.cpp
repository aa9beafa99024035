// Attempts from their staging directory to their end, and the executors they run in.
#include <algorithm>

#include "worker/core/worker.h"

#include <fmt/format.h>

namespace framemill::worker {

using jobs::Outcome;

namespace {

std::uint64_t microseconds(base::Duration duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.ms)) * 1000;
}

std::string seconds_text(base::Duration duration) {
  return fmt::format("{} s", (duration.ms + 999) / 1000);
}

}  // namespace

base::Instant Worker::margin_start(const Attempt& attempt) {
  return attempt.proven_until - attempt.lease.ttl / 4;
}

// --- starting --------------------------------------------------------------------------------------------------------

void Worker::on(const StagingPrepared& e) {
  Attempt* attempt = find(e.attempt);
  if (attempt == nullptr || attempt->stage != Stage::Preparing) return;
  attempt->stage = Stage::Waiting;
  if (e.failed) return stop(*attempt, {*e.failed, e.code, e.text}, false);
  start_what_can(attempt->lease.slot);
}

std::size_t Worker::in_flight(SlotIndex slot) const {
  return static_cast<std::size_t>(
      std::count_if(slots_[slot].leases.begin(), slots_[slot].leases.end(), [this](const AttemptId& id) {
        const Stage stage = attempts_.at(id).stage;
        return stage == Stage::Running || stage == Stage::Ending;
      }));
}

bool Worker::child_in(SlotIndex slot) const {
  return std::any_of(slots_[slot].leases.begin(), slots_[slot].leases.end(), [this](const AttemptId& id) {
    const Attempt& attempt = attempts_.at(id);
    return attempt.lease.runner != Runner::Executor &&
           (attempt.stage == Stage::Running || attempt.stage == Stage::Ending);
  });
}

bool Worker::may_start(const Attempt& attempt) const {
  const SlotIndex slot = attempt.lease.slot;
  if (now_ >= margin_start(attempt) || conditions_.blocking(attempt.lease.root, now_) != nullptr) return false;
  if (attempt.lease.runner != Runner::Executor) return in_flight(slot) == 0;
  return slots_[slot].executor() == ExecutorState::Ready && !child_in(slot);
}

void Worker::start_what_can(SlotIndex slot) {
  if (draining()) return;
  for (const AttemptId& id : std::vector<AttemptId>(slots_[slot].leases)) {
    Attempt& attempt = attempts_.at(id);
    if (attempt.stage != Stage::Waiting) continue;
    if (may_start(attempt)) {
      start(attempt);
    } else if (attempt.lease.runner != Runner::Executor && now_ < margin_start(attempt)) {
      break;  // a child waits for the slot to itself: later leases must not keep it waiting for ever
    }
  }
}

void Worker::start(Attempt& attempt) {
  const Lease& lease = attempt.lease;
  if (in_flight(lease.slot) == 0) slots_[lease.slot].on_accounted(now_);
  attempt.stage = Stage::Running;
  attempt.started_at = now_;
  news_ = true;  // what runs is shown at once, and the next pause is that of a worker with work
  if (lease.timeout.ms > 0) attempt.timeout_at = now_ + lease.timeout;
  if (lease.runner == Runner::Executor)
    emit(StartInExecutor{lease.slot, lease.attempt, lease.tasks});
  else
    emit(StartChild{lease.slot, lease.attempt, lease.tasks});
}

// --- at work ---------------------------------------------------------------------------------------------------------

void Worker::on(const AttemptProgressed& e) {
  Attempt* attempt = find(e.attempt);
  if (attempt == nullptr || attempt->stage == Stage::Preparing || attempt->stage == Stage::Waiting) return;
  const std::uint64_t peak_bytes = attempt->progress.peak_bytes;  // comes with signs of life, not with steps
  attempt->progress = e.progress;
  attempt->progress.peak_bytes = std::max(peak_bytes, e.progress.peak_bytes);
  attempt->progressed = attempt->progressed || e.progress.step > 0;
  ++attempt->moves;
  slots_[attempt->lease.slot].on_accounted(now_);
}

void Worker::on(const AttemptOutput& e) {
  Attempt* attempt = find(e.attempt);
  if (attempt == nullptr || attempt->output == e.text) return;
  attempt->output = e.text;
  ++attempt->moves;
  attempt->output_known = false;
  attempt->output_sent_in = 0;
  next_report_ = std::min(next_report_, now_ + kOutputPause);
}

void Worker::on(const AttemptMoved& e) {
  if (Attempt* attempt = find(e.attempt)) ++attempt->moves;
}

void Worker::on(const TaskFinished& e) {
  Attempt* attempt = find(e.task.attempt);
  if (attempt == nullptr || (attempt->stage != Stage::Running && attempt->stage != Stage::Ending)) return;
  if (e.task.phase != attempt->lease.phase) return;
  // It was in flight when its task was taken back: others make it, and the scheduler would refuse this one.
  if (!attempt->lease.tasks.contains(e.task.task)) return emit(DropTask{e.task.attempt, e.task.task});
  if (!attempt->finished.insert(e.task.task).second) return;
  attempt->finished_us += e.task.duration_us;
  ++attempt->moves;
  slots_[attempt->lease.slot].on_task_finished();
  if (conditions_.works(attempt->lease.root)) inventory_sent_in_ = 0;
  outbox_.add(e.task);
}

void Worker::on(const AttemptEnded& e) {
  Attempt* attempt = find(e.ended.attempt);
  if (attempt == nullptr || (attempt->stage != Stage::Running && attempt->stage != Stage::Ending)) return;
  end(*attempt, e.ended);
}

// --- ending ----------------------------------------------------------------------------------------------------------

void Worker::stop(Attempt& attempt, Verdict verdict, bool keep_finished) {
  const Lease lease = attempt.lease;
  switch (attempt.stage) {
    case Stage::Ending:
      return;  // the first reason stands
    case Stage::Preparing:
    case Stage::Waiting:
      attempt.verdict = std::move(verdict);
      return end(attempt, EndedAttempt{lease.attempt, Outcome::Revoked, "", "", {}, false, {}, {}, ""});
    case Stage::Running:
      attempt.stage = Stage::Ending;
      attempt.timeout_at = base::kNever;
      attempt.verdict = std::move(verdict);
      if (lease.runner != Runner::Executor) return emit(StopChild{lease.attempt, keep_finished});
      attempt.give_up_at = now_ + settings_.cancel_grace;
      return emit(CancelInExecutor{lease.slot, lease.attempt, keep_finished, TaskRange{}});
  }
}

Usage Worker::used(const Attempt& attempt, base::Instant now) {
  Usage usage = attempt.progress.used;
  if (attempt.stage == Stage::Preparing || attempt.stage == Stage::Waiting) return usage;
  if (attempt.lease.runner != Runner::Executor) {
    usage.lost_us = microseconds(now - attempt.started_at);     // a child has its slot to itself
    usage.wall_us = std::max<std::uint64_t>(usage.lost_us, 1);  // never nothing: the scheduler sees that it has begun
    return usage;
  }
  usage.lost_us += usage.compute_us - std::min(usage.compute_us, attempt.finished_us);
  usage.compute_us = attempt.finished_us;
  usage.peak_bytes = std::max(usage.peak_bytes, attempt.progress.peak_bytes);
  return usage;
}

void Worker::end(Attempt& attempt, EndedAttempt ended) {
  const AttemptId id = attempt.lease.attempt;
  const SlotIndex slot = attempt.lease.slot;
  if (attempt.verdict && ended.outcome != Outcome::Ok) {
    ended.outcome = attempt.verdict->outcome;
    ended.code = attempt.verdict->code;
    ended.text = attempt.verdict->text;
  }
  // The one at work is guilty unless it is known better; finished ones never are.
  if (ended.outcome != Outcome::Ok && ended.failed_tasks.empty() && attempt.progressed &&
      !attempt.finished.contains(attempt.progress.task))
    ended.failed_tasks.push_back(attempt.progress.task);
  const EndedAttempt told = ended;
  const std::string root = attempt.lease.root;
  const bool started = attempt.stage == Stage::Running || attempt.stage == Stage::Ending;
  outbox_.add(std::move(ended));
  if (attempt.sweep_all) emit(SweepStaging{id});
  emit(ForgetAttempt{id});
  std::erase(slots_[slot].leases, id);
  attempts_.erase(id);
  remember_ended(id);
  learn_of_host(told, root, started);
  start_what_can(slot);
}

void Worker::learn_of_host(const EndedAttempt& ended, const std::string& root, bool started) {
  if (!HostConditions::is_condition(ended.code)) {
    // A program that ran, however it ended, needed descriptors, memory and a process.
    const bool ran = started && (ended.outcome == Outcome::Ok || jobs::outcome_row(ended.outcome).charged);
    if (ran && conditions_.works(ended.outcome == Outcome::Ok ? root : "")) inventory_sent_in_ = 0;
    return;
  }
  const bool read = !ended.storage_root.empty() && ended.storage_root != root;
  if (conditions_.met(ended.code, ended.text, read ? ended.storage_root : root, now_,
                      read ? Doing::Reading : Doing::Work))
    keep_away(ended.outcome, ended.code, ended.text);
}

// What a new condition keeps away is given back.
void Worker::keep_away(Outcome outcome, const std::string& code, const std::string& text) {
  conditions_due_ = conditions_.next_change(now_);
  inventory_sent_in_ = 0;
  std::vector<AttemptId> kept_away;
  for (const auto& [id, attempt] : attempts_)
    if ((attempt.stage == Stage::Preparing || attempt.stage == Stage::Waiting) &&
        conditions_.blocking(attempt.lease.root, now_) != nullptr)
      kept_away.push_back(id);
  for (const AttemptId& id : kept_away)
    if (Attempt* attempt = find(id)) stop(*attempt, {outcome, code, text}, false);
}

void Worker::end_unstarted(SlotIndex slot, const Verdict& verdict) {
  for (const AttemptId& id : std::vector<AttemptId>(slots_[slot].leases)) {
    Attempt* attempt = find(id);
    if (attempt != nullptr && attempt->stage == Stage::Waiting && attempt->lease.runner == Runner::Executor)
      stop(*attempt, verdict, false);
  }
}

// --- executors -------------------------------------------------------------------------------------------------------

void Worker::start_executors() {
  if (draining()) return;
  for (SlotIndex i = 0; i < slots_.size(); ++i)
    if (slots_[i].start_due() <= now_) {
      slots_[i].on_starting();
      emit(StartExecutor{i});
    }
}

void Worker::on(const ExecutorReady& e) {
  if (e.slot >= slots_.size() || slots_[e.slot].executor() != ExecutorState::Starting) return;
  slots_[e.slot].on_ready(e.device_class);
  inventory_sent_in_ = 0;
  if (draining()) {
    slots_[e.slot].on_finishing();
    return emit(FinishExecutor{e.slot});
  }
  start_what_can(e.slot);
}

void Worker::on(const ExecutorAlive& e) {
  if (e.slot >= slots_.size()) return;
  if (slots_[e.slot].on_alive(e.loaded_models)) inventory_sent_in_ = 0;
  for (const AttemptId& id : slots_[e.slot].leases)
    if (Attempt& attempt = attempts_.at(id); attempt.stage == Stage::Running)
      attempt.progress.peak_bytes = e.peak_bytes;
}

void Worker::on(const ExecutorDied& e) {
  if (e.slot >= slots_.size()) return;
  Slot& slot = slots_[e.slot];
  std::vector<AttemptId> victims;
  for (const AttemptId& id : slot.leases) {
    const Attempt& attempt = attempts_.at(id);
    if (attempt.lease.runner == Runner::Executor && (attempt.stage == Stage::Running || attempt.stage == Stage::Ending))
      victims.push_back(id);
  }
  DeathVerdict verdict = judge(e.death, victims.size());
  const bool asked_to_finish =
      slot.executor() == ExecutorState::Finishing && e.death.killed == KilledBecause::None && e.death.exit_status == 0;
  if (asked_to_finish) verdict = {Outcome::Revoked, "worker.draining", "The worker is draining."};
  slot.on_died(e.death, now_);
  inventory_sent_in_ = 0;
  // What it did after its last word nobody knows; the device was theirs until it was dead.
  const std::uint64_t dark_us = victims.empty() ? 0 : microseconds(now_ - slot.accounted_at()) / victims.size();
  for (const AttemptId& id : victims) {
    Attempt& attempt = attempts_.at(id);
    const auto own_words = e.output_tails.find(id);
    Usage usage = used(attempt, now_);
    usage.lost_us += dark_us;
    usage.wall_us = microseconds(now_ - attempt.started_at);
    if (usage.device_class.empty()) usage.device_class = slot.device_class();
    end(attempt, EndedAttempt{id,
                              verdict.outcome,
                              verdict.code,
                              verdict.message,
                              {},
                              victims.size() == 1,
                              {},
                              std::move(usage),
                              own_words == e.output_tails.end() ? e.output_tail : own_words->second});
  }
  if (!e.death.started) end_unstarted(e.slot, {verdict.outcome, verdict.code, verdict.message});
  start_executors();
}

// --- time and the end ------------------------------------------------------------------------------------------------

void Worker::on(const TimePassed&) {
  if (conditions_due_ <= now_) inventory_sent_in_ = 0;  // a pause is over: its slots are told as usable again
  conditions_.forget_old(now_);
  conditions_due_ = conditions_.next_change(now_);
  std::vector<AttemptId> ids;
  for (const auto& [id, attempt] : attempts_) ids.push_back(id);
  for (const AttemptId& id : ids) {
    Attempt* attempt = find(id);
    if (attempt == nullptr) continue;
    const bool child = attempt->lease.runner != Runner::Executor;
    if (attempt->stage == Stage::Running && attempt->timeout_at <= now_) {
      stop(*attempt,
           {Outcome::Timeout, "attempt.timeout",
            "The attempt ran longer than the layer's timeout of " + seconds_text(attempt->lease.timeout) + "."},
           child);
    } else if (attempt->stage == Stage::Running && child && margin_start(*attempt) <= now_) {
      stop(*attempt,
           {Outcome::Revoked, "lease.unproven",
            "The scheduler could not be reached, so the lease could not be confirmed."},
           false);
    } else if (attempt->stage == Stage::Ending && attempt->give_up_at <= now_) {
      attempt->give_up_at = base::kNever;
      emit(KillExecutor{attempt->lease.slot, KilledBecause::CancelIgnored});
    }
  }
  if (drain_until_ <= now_) {
    drain_until_ = base::kNever;
    stop_now();
    // What storage keeps from ending must not keep the worker.
    if (leave_at_ == base::kNever) leave_at_ = now_ + settings_.farewell;
  }
  start_executors();
}

void Worker::on(const StopRequested&) {
  ++stops_asked_;
  if (stops_asked_ == 1) return begin_drain();
  leave_at_ = now_ + settings_.farewell;
  stop_now();
}

void Worker::begin_drain() {
  news_ = true;
  drain_until_ = now_ + settings_.drain_timeout;
  std::vector<AttemptId> unstarted;
  for (const auto& [id, attempt] : attempts_)
    if (attempt.stage == Stage::Preparing || attempt.stage == Stage::Waiting) unstarted.push_back(id);
  for (const AttemptId& id : unstarted)
    stop(attempts_.at(id), {Outcome::Revoked, "worker.draining", "The worker is draining."}, false);
  for (SlotIndex i = 0; i < slots_.size(); ++i) {
    if (slots_[i].executor() == ExecutorState::Ready) {
      slots_[i].on_finishing();
      emit(FinishExecutor{i});
    } else if (slots_[i].executor() == ExecutorState::Starting) {
      emit(KillExecutor{i, KilledBecause::Stopped});
    }
  }
}

// Ends everything that runs: at the end of the drain's time, or when asked to stop a second time.
void Worker::stop_now() {
  const bool asked = stops_asked_ > 1;
  for (auto& [id, attempt] : attempts_) {
    if (attempt.lease.runner == Runner::Executor || attempt.stage != Stage::Running) continue;
    attempt.stage = Stage::Ending;
    attempt.verdict = Verdict{Outcome::Revoked, asked ? "worker.stopped" : "drain.timeout",
                              asked ? "The worker was stopped." : "The worker drained, and its time limit passed."};
    emit(StopChild{id, false});
  }
  for (SlotIndex i = 0; i < slots_.size(); ++i)
    if (slots_[i].executor() != ExecutorState::Down)
      emit(KillExecutor{i, asked ? KilledBecause::Stopped : KilledBecause::Drained});
}

bool Worker::quiet() const {
  return attempts_.empty() && std::all_of(slots_.begin(), slots_.end(),
                                          [](const Slot& slot) { return slot.executor() == ExecutorState::Down; });
}

void Worker::leave_when_done() {
  if (!draining() || left_) return;
  const bool told = outbox_.size() == 0 && duties_.empty() && discards_.empty();
  if (quiet() && leave_at_ == base::kNever) leave_at_ = now_ + settings_.farewell;
  if ((quiet() && told) || leave_at_ <= now_) {
    left_ = true;
    leave_at_ = base::kNever;
    emit(Exit{});
  }
}

}  // namespace framemill::worker
