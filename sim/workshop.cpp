#include "sim/workshop.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/digest_bytes.h"
#include "scheduler/core/policy/planned_files.h"
#include "wire/convert.h"

namespace framemill::sim {
namespace {

using jobs::Outcome;
using worker::SlotIndex;
using worker::TaskIndex;
using worker::TaskRange;

constexpr base::Duration kStartMin{150}, kStartMax{1500};
constexpr base::Duration kLoadMin{300}, kLoadMax{3000};
constexpr base::Duration kCancelMin{5}, kCancelMax{600};
constexpr base::Duration kHangTimeout = base::seconds(30);

constexpr std::array<Fate, 8> kFates{{
    {Outcome::Failed, "work.failed", 6},
    {Outcome::BadOutput, "frames.nan", 4},
    {Outcome::Oom, "executor.device_memory", 4},
    {Outcome::Hardware, "executor.hardware", 1},
    {Outcome::NotAdmitted, "host.processes", 2},
    {Outcome::InputNotVisible, "input.not_visible", 2},
    {Outcome::StorageFull, "storage_full", 2},
    {Outcome::Revoked, "executor.gave_up", 1},
}};

struct Pace {
  base::Duration first, last;
};
Pace pace_of(jobs::PhaseKind kind) {
  switch (kind) {
    case jobs::PhaseKind::Denoise:
      return {{400}, {4000}};
    case jobs::PhaseKind::Decode:
      return {{100}, {1000}};
    case jobs::PhaseKind::Command:
      return {{200}, {6000}};
    case jobs::PhaseKind::Encode:
    case jobs::PhaseKind::Sheet:
      return {{500}, {12000}};
  }
  return {{400}, {4000}};
}

const Fate& draw_fate(Random& random) {
  std::uint32_t sum = 0;
  for (const Fate& fate : kFates) sum += fate.weight;
  auto at = static_cast<std::uint32_t>(random.between(0, sum - 1));
  for (const Fate& fate : kFates) {
    if (at < fate.weight) return fate;
    at -= fate.weight;
  }
  return kFates.back();
}

std::vector<std::pair<std::string, jobs::Frame>> files_of(const jobs::PhasePlan& plan, jobs::PhaseId phase,
                                                          TaskIndex task) {
  if (plan.kind == jobs::PhaseKind::Denoise) return {{scheduler::latents_path(phase, task), 0}};
  const jobs::FrameSet frames = jobs::task_frames(plan, task);
  if (frames.empty()) return {{jobs::output_path(plan, 0), 0}};  // one file of all frames
  std::vector<std::pair<std::string, jobs::Frame>> files;
  for (std::int64_t i = 0; i < frames.count(); ++i)
    files.emplace_back(jobs::output_path(plan, frames.nth(i)), frames.nth(i));
  return files;
}

}  // namespace

Workshop::Workshop(Place place, Random random, std::uint32_t slots, std::function<void(worker::Event)> happen)
    : place_(std::move(place)), random_(random), happen_(std::move(happen)), executors_(slots) {}

// --- executors -------------------------------------------------------------------------------------------------------

void Workshop::start(SlotIndex index) {
  Slot& slot = executors_[index];
  slot = {Executor::Starting, slot.start + 1, false, false, {}};
  place_.process.after(random_.between(kStartMin, kStartMax), [this, index, start = slot.start] {
    Slot& now = executors_[index];
    if (now.start != start || now.executor != Executor::Starting) return;
    now.executor = Executor::Ready;
    happen_(worker::ExecutorReady{index, place_.device_class});
  });
}

void Workshop::finish(SlotIndex index) {
  executors_[index].finishing = true;
  finish_if_empty(index);
}

void Workshop::finish_if_empty(SlotIndex index) {
  if (!executors_[index].finishing || executors_[index].executor == Executor::Down) return;
  for (const auto& [id, in_flight] : aboard_)
    if (in_flight.slot == index && !in_flight.child) return;
  worker::Death death;
  death.exit_status = 0;
  place_.process.after(base::Duration{5}, [this, index, death] { die(index, death); });
}

void Workshop::kill(SlotIndex index, worker::KilledBecause because) {
  worker::Death death;
  death.killed = because;
  death.signal = 9;
  death.started = executors_[index].executor == Executor::Ready;
  const std::uint64_t start = executors_[index].start;
  place_.process.after(random_.between(base::Duration{1}, base::Duration{100}), [this, index, death, start] {
    if (executors_[index].start == start) die(index, death);
  });
}

void Workshop::die(SlotIndex index, worker::Death death) {
  Slot& slot = executors_[index];
  if (slot.executor == Executor::Down) return;
  death.started = slot.executor == Executor::Ready;
  slot.executor = Executor::Down;
  slot.models.clear();
  std::erase_if(aboard_, [&](const auto& entry) {
    const bool gone = entry.second.slot == index && !entry.second.child;
    if (gone) place_.facts.emplace_back(WorkEnded{entry.first});
    return gone;
  });
  place_.trace.say(place_.name, "executor {} dies", index);
  happen_(worker::ExecutorDied{index, death, "", {}});
}

void Workshop::hang(SlotIndex index) {
  Slot& slot = executors_[index];
  if (slot.executor != Executor::Ready || slot.hangs) return;
  slot.hangs = true;
  place_.process.after(kHangTimeout, [this, index, start = slot.start] {
    if (executors_[index].start != start || !executors_[index].hangs) return;
    worker::Death death;
    death.killed = worker::KilledBecause::Hung;
    death.signal = 9;
    die(index, death);
  });
}

// --- attempts --------------------------------------------------------------------------------------------------------

// What it had announced before it began something else is void; what hangs comes to nothing.
void Workshop::announce(const worker::AttemptId& attempt, base::Duration wait, std::function<void(Aboard&)> what) {
  const std::uint64_t stage = ++aboard_.at(attempt).stage;
  place_.process.after(wait, [this, attempt, stage, what = std::move(what)] {
    const auto found = aboard_.find(attempt);
    if (found == aboard_.end() || found->second.stage != stage) return;
    if (!found->second.child && executors_[found->second.slot].hangs) return;
    what(found->second);
  });
}

void Workshop::begin(SlotIndex slot, const worker::AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks,
                     Where where) {
  const bool child = where == Where::Child;
  Aboard in_flight;
  in_flight.slot = slot;
  in_flight.child = child;
  in_flight.grant = grant;
  for (TaskIndex t = tasks.end(); t > tasks.first; --t) in_flight.left.push_back(t - 1);
  if (random_.chance(bad_permille)) {
    in_flight.fate = &draw_fate(random_);
    in_flight.good = static_cast<std::size_t>(random_.between(0, tasks.count - 1));
  }
  aboard_.insert_or_assign(attempt, std::move(in_flight));
  place_.trace.say(place_.name, "attempt {} begins{}", attempt.text(), child ? ", a program" : "");
  place_.facts.emplace_back(WorkBegan{place_.worker, attempt, child});
  base::Duration load{1};
  base::Sha256 model;
  const std::string& digest = grant.recipe().generate().model_digest();
  std::copy(digest.begin(), digest.end(), model.bytes.begin());
  if (!child && !executors_[slot].models.contains(model)) load = random_.between(kLoadMin, kLoadMax);
  announce(attempt, load, [this, attempt, model](Aboard& begun) {
    Slot& in = executors_[begun.slot];
    if (!begun.child && in.models.insert(model).second)
      happen_(worker::ExecutorAlive{begun.slot, {in.models.begin(), in.models.end()}, 150 << 20});
    if (const auto again = aboard_.find(attempt); again != aboard_.end()) next_task(attempt, again->second);
  });
}

bool Workshop::inputs_are_there(const wire::Grant& grant, TaskIndex task) const {
  return std::all_of(grant.inputs().begin(), grant.inputs().end(), [&](const wire::InputFile& input) {
    if (!input.for_all_tasks() && input.task() != task) return true;
    const auto file = place_.root.named().find(input.path());
    return file != place_.root.named().end() && base::raw_bytes(file->second.sha256) == input.sha256();
  });
}

void Workshop::next_task(const worker::AttemptId& attempt, Aboard& in_flight) {
  if (in_flight.left.empty()) return end(attempt, Outcome::Ok, "");
  if (in_flight.fate != nullptr && in_flight.good == 0) {
    announce(attempt, random_.between(base::Duration{10}, base::seconds(2)),
             [this, attempt](Aboard& bad) { end(attempt, bad.fate->outcome, bad.fate->code); });
    return;
  }
  const TaskIndex task = in_flight.left.back();
  if (!inputs_are_there(in_flight.grant, task)) {
    place_.facts.emplace_back(
        InputAbsent{attempt, {jobs::JobId(in_flight.grant.tasks().job()), in_flight.grant.tasks().phase()}});
    return end(attempt, Outcome::InputNotVisible, "input.missing");
  }
  const auto plan = place_.plans.find(jobs::JobId(in_flight.grant.tasks().job()));
  const Pace pace = pace_of(plan->second->phases.at(in_flight.grant.tasks().phase()).kind);
  const base::Duration half = random_.between(pace.first, pace.last) / 2;
  announce(attempt, half, [this, attempt, half](Aboard& at_work) {
    worker::Progress progress;
    progress.task = at_work.left.back();
    progress.step = progress.steps = at_work.steps = 20;
    announce(attempt, half, [this, attempt](Aboard& done) { finish_task(attempt, done); });
    happen_(worker::AttemptProgressed{attempt, progress});
  });
}

wire::FinishedTask Workshop::result_of(const worker::AttemptId& attempt, const Aboard& in_flight, TaskIndex task,
                                       base::Duration took) const {
  const jobs::PhaseId phase{jobs::JobId(in_flight.grant.tasks().job()), in_flight.grant.tasks().phase()};
  const jobs::PhasePlan& plan = place_.plans.at(phase.job)->phases.at(phase.index);
  wire::FinishedTask out;
  wire::attempt_to_wire(attempt, *out.mutable_attempt());
  out.set_job(phase.job.value);
  out.set_phase(phase.index);
  out.set_task(task);
  out.set_duration_us(static_cast<std::uint64_t>(took.ms) * 1000);
  for (const auto& [path, frame] : files_of(plan, phase, task)) {
    wire::OutputFile& file = *out.add_files();
    file.set_kind(plan.kind == jobs::PhaseKind::Denoise ? wire::OutputFile::LATENTS : wire::OutputFile::FRAME);
    file.set_staged(fmt::format("{}/{}", task, path.substr(path.rfind('/') + 1)));
    file.set_path(path);
    file.set_size_bytes(1000 + task);
    const std::string made_by = place_.reproducible ? "" : attempt.text();
    file.set_sha256(base::raw_bytes(base::sha256(fmt::format("{} {}", made_by, path))));
    file.set_frame(frame);
  }
  return out;
}

void Workshop::finish_task(const worker::AttemptId& attempt, Aboard& in_flight) {
  const TaskIndex task = in_flight.left.back();
  const wire::FinishedTask result = result_of(attempt, in_flight, task, base::Duration{500});
  std::string code = place_.sight.full ? "storage_full" : place_.root.write_task(attempt, result);
  if (!code.empty())
    return end(attempt, code == "storage_full" ? Outcome::StorageFull : Outcome::NotAdmitted,
               code == "storage_full" ? "storage_full" : "storage_failed");
  in_flight.left.pop_back();
  if (in_flight.good > 0) --in_flight.good;
  if (!in_flight.ending)
    announce(attempt, base::Duration{1}, [this, attempt](Aboard& next) { next_task(attempt, next); });
  happen_(worker::TaskFinished{{attempt,
                                {jobs::JobId(result.job()), result.phase()},
                                task,
                                static_cast<std::uint32_t>(result.files_size()),
                                result.duration_us(),
                                result.SerializeAsString()}});
}

void Workshop::end(const worker::AttemptId& attempt, Outcome outcome, const char* code) {
  const auto found = aboard_.find(attempt);
  worker::EndedAttempt ended;
  ended.attempt = attempt;
  ended.outcome = outcome;
  ended.code = code;
  ended.usage.steps = found->second.steps;
  ended.usage.batch_max = 1;
  ended.usage.device_class = place_.device_class;
  ended.usage.compute_us = 1000;
  const SlotIndex slot = found->second.slot;
  place_.trace.say(place_.name, "attempt {} ends: {} {}", attempt.text(), jobs::outcome_row(outcome).code, code);
  aboard_.erase(found);
  place_.facts.emplace_back(WorkEnded{attempt});
  happen_(worker::AttemptEnded{std::move(ended)});
  finish_if_empty(slot);
}

// After a while it says that it ended; what it has in hand it may still finish.
void Workshop::give_up(const worker::AttemptId& attempt, Aboard& in_flight, bool keep_finished) {
  in_flight.ending = true;
  announce(attempt, random_.between(kCancelMin, kCancelMax), [this, attempt, keep_finished](Aboard& last) {
    if (keep_finished && !last.left.empty() && random_.chance(300)) finish_task(attempt, last);
    if (aboard_.contains(attempt)) end(attempt, Outcome::Revoked, "");
  });
}

void Workshop::cancel(SlotIndex, const worker::AttemptId& attempt, bool keep_finished, const TaskRange& keep) {
  const auto found = aboard_.find(attempt);
  if (found == aboard_.end()) return;
  Aboard& in_flight = found->second;
  if (!keep.empty()) {
    std::erase_if(in_flight.left, [&](TaskIndex task) { return !keep.contains(task); });
    announce(attempt, base::Duration{1}, [this, attempt](Aboard& next) { next_task(attempt, next); });
  } else if (random_.chance(deaf_permille)) {
    ++in_flight.stage;  // it does nothing more, and does not say so
  } else {
    give_up(attempt, in_flight, keep_finished);
  }
}

void Workshop::stop(const worker::AttemptId& attempt, bool keep_finished) {
  if (const auto found = aboard_.find(attempt); found != aboard_.end()) give_up(attempt, found->second, keep_finished);
}

std::vector<worker::AttemptId> Workshop::moved() {
  std::vector<worker::AttemptId> children;
  for (const auto& [attempt, in_flight] : aboard_)
    if (in_flight.child && !in_flight.hangs) children.push_back(attempt);
  return children;
}

void Workshop::hang_programs() {
  for (auto& [attempt, in_flight] : aboard_) {
    if (!in_flight.child || in_flight.ending || in_flight.hangs) continue;
    in_flight.hangs = true;
    ++in_flight.stage;
    place_.trace.say(place_.name, "attempt {} hangs", attempt.text());
  }
}

void Workshop::on_worker_death() {
  for (const auto& [attempt, in_flight] : aboard_) place_.facts.emplace_back(WorkEnded{attempt});
  aboard_.clear();
  for (Slot& slot : executors_) slot = {Executor::Down, slot.start + 1, false, false, {}};
}

}  // namespace framemill::sim
