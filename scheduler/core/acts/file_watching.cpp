#include "scheduler/core/acts/file_watching.h"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/attempt_error.h"
#include "jobs/output_names.h"
#include "scheduler/core/acts/file_wait_records.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/missing_files.h"
#include "scheduler/core/policy/readiness.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kLookEvery = base::seconds(1);
constexpr base::Duration kSayAgain = base::seconds(5);       // a list, so that a lost one does not matter
constexpr base::Duration kAnswerWithin = base::seconds(15);  // then another worker is asked
constexpr base::Duration kCountedAtOnce = base::seconds(2);  // a turn that came late counts no more than this
constexpr std::size_t kSpansMax = 256;                       // of one input's frames in a list

bool is_able(const FarmState& farm, const PhaseEntry& phase, const WorkerEntry& worker) {
  const Demand& demand = farm.classes.of(phase.common_class);
  return std::any_of(worker.slots.begin(), worker.slots.end(), [&](const auto& slot) {
    return standing_misfit(farm.memory, demand, worker, slot.second) == PlacementBlocker::None;
  });
}

// The next worker after `before` that could run the phase, in the order of their numbers; none when there is none.
// `knows_how`: of those, one that can look; workers of the version before cannot.
struct Found {
  WorkerId worker;
  bool any_able = false;
};
Found next_looker(const FarmState& farm, const PhaseEntry& phase, WorkerId before) {
  Found found;
  const auto& workers = farm.workers.all();
  auto at = workers.upper_bound(before);
  for (std::size_t i = 0; i < workers.size(); ++i, ++at) {
    if (at == workers.end()) at = workers.begin();
    if (!is_able(farm, phase, at->second)) continue;
    found.any_able = true;
    if (!at->second.inventory.looks_for_files) continue;
    found.worker = at->first;
    return found;
  }
  return found;
}

void wake_readers(FarmState& farm, PhaseEntry& phase) {
  const JobEntry& job = farm.job_of(phase.id);
  farm.file_watches.stale.insert(phase.id);
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()})) {
    if (run.state != TaskState::Waiting) continue;
    for (const TaskRange& ready : ready_parts(job, phase, run.tasks)) move_tasks(farm, phase, ready, TaskState::Ready);
  }
}

void take_all_as_there(RootFiles& files) {
  files.there.assign(files.there.size(), true);
  files.missing = 0;
}

// Sees to it that somebody looks for the input's files.
void choose_looker(FarmState& farm, PhaseEntry& phase, RootFiles& files) {
  const WorkerEntry* present = files.looker ? farm.workers.find(files.looker) : nullptr;
  const bool able = present != nullptr && present->inventory.looks_for_files && is_able(farm, phase, *present);
  const base::Instant last = files.answered ? files.answered_at : files.asked_at;
  const bool silent = last + kAnswerWithin < farm.now();
  const bool blind = files.answered && !files.readable && files.asked_at + kAnswerWithin < farm.now();
  if (able && !silent && !blind) return;
  const Found found = next_looker(farm, phase, files.looker);
  if (!found.worker && found.any_able) return take_all_as_there(files);  // they look when they run it, as ever
  if (found.worker != files.looker || silent) {
    files.answered = files.readable = false;
    files.problem.clear();
  }
  files.looker = found.worker;
  files.asked_at = farm.now();
}

bool counts(const FarmState& farm, const RootFiles& files) {
  return files.missing == 0 ||
         (files.looker && files.answered && files.readable && files.answered_at + kAnswerWithin >= farm.now());
}

void move_clock(const FarmState& farm, PhaseFiles& files) {
  const base::Duration passed = std::min(farm.now() - files.clock_read, kCountedAtOnce);
  files.clock_read = farm.now();
  if (std::all_of(files.inputs.begin(), files.inputs.end(), [&](const RootFiles& f) { return counts(farm, f); }))
    files.clock = files.clock + passed;
}

void fail_task(FarmState& farm, PhaseEntry& phase, TaskIndex task, jobs::Frame frame, std::string code,
               std::string message) {
  FailureHistory& trouble = failure_history_of(farm, phase, task);
  trouble.record.last_outcome = jobs::Outcome::Failed;
  trouble.record.last_code = std::move(code);
  trouble.record.last_message = std::move(message);
  trouble.record.last_frame = frame;
  ++trouble.record.charged_tries;
  ++phase.tally.tries_charged;
  farm.turn.mark(phase);
  move_tasks(farm, phase, {task, 1}, TaskState::Failed);
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
}

void give_up_task(FarmState& farm, const JobEntry& job, PhaseEntry& phase, TaskIndex task) {
  const auto missing = missing_file(farm, job, phase, task);
  if (!missing) return;
  std::string message =
      fmt::format("{} was not there for {}", name_of(*missing), duration_text(missing_after(farm, job, phase)));
  if (missing->files > 1) message += fmt::format(", and {} more of the task's inputs", missing->files - 1);
  fail_task(farm, phase, task, missing->frame, std::string(text_of(jobs::AttemptError::InputMissing)),
            std::move(message));
}

void give_up_what_is_due(FarmState& farm, JobEntry& job, PhaseEntry& phase) {
  const base::Duration most = missing_after(farm, job, phase);
  const auto waits = phase.files.waits;  // a copy: what fails is taken out
  bool any = false;
  for (const auto& [first, wait] : waits) {
    if (phase.files.clock - wait.since < most) continue;
    any = true;
    if (phase.plan->traits().waits_for_end) {  // it shows what is missing
      for (RootFiles& files : phase.files.inputs) take_all_as_there(files);
      wake_readers(farm, phase);
      break;
    }
    for (TaskIndex t = first; t < first + wait.tasks; ++t) give_up_task(farm, job, phase, t);
  }
  if (any) farm.file_watches.stale.insert(phase.id);
}

// Frames of the input that waiting tasks read and nobody has seen; as many as one list takes.
jobs::FrameSet awaited_frames(const PhaseEntry& phase, const RootFiles& files) {
  std::set<jobs::Frame> frames;
  if (files.missing == 0 || phase.files.waits.empty()) return {};
  const auto add = [&](const jobs::FrameSet& read) {
    for (std::int64_t i = 0; i < read.count() && std::ssize(frames) < kWatchedFramesMax; ++i)
      if (!files.there[static_cast<std::size_t>(files.frames.count_below(read.nth(i)))]) frames.insert(read.nth(i));
  };
  if (files.readers == RootFiles::Readers::All) {
    add(files.frames);
  } else {
    for (const auto& [first, wait] : phase.files.waits)
      for (TaskIndex t = first; t < first + wait.tasks && std::ssize(frames) < kWatchedFramesMax; ++t)
        add(frames_read(files, *phase.plan, t));
  }
  std::vector<jobs::FrameSpan> spans;
  for (const jobs::Frame frame : frames) {
    if (!spans.empty() && spans.back().last + 1 == frame) {
      spans.back().last = frame;
    } else {
      if (spans.size() == kSpansMax) break;
      spans.push_back({frame, frame, 1});
    }
  }
  return jobs::FrameSet::of(spans);
}

void derive_awaited(PhaseEntry& phase) {
  for (RootFiles& files : phase.files.inputs) files.awaited = awaited_frames(phase, files);
}

std::size_t bytes_of(const RootFiles& files) {
  return 64 + files.root.size() + files.path_printf.size() + 24 * files.awaited.spans().size();
}

using Wanted = std::map<WorkerId, std::vector<WatchedFiles>>;

void look_after_phase(FarmState& farm, JobEntry& job, PhaseEntry& phase, Wanted& wanted,
                      std::map<WorkerId, std::size_t>& bytes) {
  if (job.is_held()) {
    phase.files.clock_read = farm.now();
    return;
  }
  move_clock(farm, phase.files);
  keep_file_waits(farm, job, phase);
  give_up_what_is_due(farm, job, phase);
  bool assumed = false;
  for (RootFiles& files : phase.files.inputs) {
    if (files.missing == 0) continue;
    choose_looker(farm, phase, files);
    assumed = assumed || files.missing == 0;
    if (!files.looker || files.missing == 0) continue;
    if (files.awaited.empty()) continue;
    std::size_t& used = bytes[files.looker];
    if (used + bytes_of(files) > kWatchBytesMax) continue;  // later, when others were seen or given up
    used += bytes_of(files);
    wanted[files.looker].push_back({phase.id, files.input, files.root, files.path_printf, files.awaited});
  }
  if (assumed) wake_readers(farm, phase);
}

void send_lists(FarmState& farm, Wanted wanted) {
  auto& lists = farm.file_watches.lists;
  for (const auto& [worker, list] : lists) wanted.try_emplace(worker);
  for (auto& [worker, files] : wanted) {
    FileWatches::List& list = lists[worker];
    const bool due = !files.empty() && list.sent + kSayAgain <= farm.now();
    if (!due && list.files == files) continue;
    list.files = files;
    list.sent = farm.now();
    farm.turn.effects.watches.push_back({worker, std::move(files)});
  }
  std::erase_if(lists, [](const auto& list) { return list.second.files.empty(); });
}

// The waits of before, where the task waited already.
void add_wait(std::map<TaskIndex, FileWait>& waits, const std::map<TaskIndex, FileWait>& before, TaskRange tasks,
              const FileWait& fresh) {
  for (TaskIndex at = tasks.first; at < tasks.end();) {
    auto next = before.upper_bound(at);
    FileWait wait = fresh;
    TaskIndex end = next == before.end() ? tasks.end() : std::min(tasks.end(), next->first);
    if (next != before.begin()) {
      const auto& [first, known] = *std::prev(next);
      if (at < first + known.tasks) {
        wait = known;
        end = std::min(tasks.end(), first + known.tasks);
      }
    }
    wait.tasks = end - at;
    auto last = waits.empty() ? waits.end() : std::prev(waits.end());
    if (last != waits.end() && last->first + last->second.tasks == at && last->second.since == wait.since)
      last->second.tasks += wait.tasks;
    else
      waits.emplace(at, wait);
    at = end;
  }
}

void derive_waits(FarmState& farm, JobEntry& job, PhaseEntry& phase) {
  PhaseFiles& files = phase.files;
  const auto before = std::exchange(files.waits, {});
  const std::uint64_t awaited_before = files.awaited;
  if (before.empty()) files.clock_read = farm.now();
  job.awaited -= files.awaited;
  files.awaited = 0;
  if (!job.final())
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
      if (run.state == TaskState::Waiting)
        for (const TaskRange& tasks : open_but_for_files(job, phase, run.tasks)) {
          add_wait(files.waits, before, tasks, {0, files.clock, farm.turn.now.wall});
          files.awaited += tasks.count;
        }
  job.awaited += files.awaited;
  auto& watches = farm.file_watches;
  const bool same =
      std::equal(before.begin(), before.end(), files.waits.begin(), files.waits.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first && a.second.tasks == b.second.tasks; });
  const bool listed =
      std::any_of(files.inputs.begin(), files.inputs.end(), [](const RootFiles& f) { return !f.awaited.empty(); });
  if (!same || !listed) derive_awaited(phase);  // after a restart the waits are those on record
  if (files.waits.empty())
    watches.waiting.erase(phase.id);
  else
    watches.waiting.insert(phase.id);
  watches.wanted = watches.wanted || files.awaited > awaited_before;
  watches.next_look = std::min(watches.next_look, farm.now() + kLookEvery);
  keep_file_waits(farm, job, phase);
}

}  // namespace

bool derive_file_waits(FarmState& farm) {
  if (farm.file_watches.stale.empty()) return false;
  for (const PhaseId id : std::exchange(farm.file_watches.stale, {}))
    if (PhaseEntry* phase = farm.jobs.find(id)) derive_waits(farm, farm.job_of(id), *phase);
  return true;
}

bool look_after_files(FarmState& farm) {
  FileWatches& watches = farm.file_watches;
  if (!watches.wanted && farm.now() < watches.next_look) return false;
  watches.wanted = false;
  Wanted wanted;
  std::map<WorkerId, std::size_t> bytes;
  const std::set<PhaseId> waiting = watches.waiting;  // a copy: what is given up waits no more
  for (const PhaseId id : waiting) {
    PhaseEntry* phase = farm.jobs.find(id);
    if (phase == nullptr || farm.job_of(id).final()) {
      watches.waiting.erase(id);
      if (phase != nullptr) watches.stale.insert(id);
      continue;
    }
    look_after_phase(farm, farm.job_of(id), *phase, wanted, bytes);
  }
  send_lists(farm, std::move(wanted));
  derive_file_waits(farm);
  watches.wanted = false;
  watches.next_look = watches.waiting.empty() ? base::kNever : farm.now() + kLookEvery;
  return true;
}

void on_files_looked_for(FarmState& farm, const WorkerEntry& worker, const FilesLookedFor& looked) {
  PhaseEntry* phase = farm.jobs.find(looked.phase);
  if (phase == nullptr || farm.job_of(looked.phase).final()) return;
  const auto files = std::find_if(phase->files.inputs.begin(), phase->files.inputs.end(),
                                  [&](const RootFiles& f) { return f.input == looked.input; });
  if (files == phase->files.inputs.end() || files->looker != worker.record.id) return;
  files->answered_at = farm.now();
  files->answered = true;
  files->readable = looked.readable;
  files->problem = looked.problem;
  bool news = false;
  for (const jobs::FrameSpan& span : looked.there.spans())
    for (std::int64_t i = 0; i < span.count(); ++i)
      news = mark_file(*files, static_cast<jobs::Frame>(span.first + i * span.step), true) || news;
  if (looked.refused_frame) {
    const auto waits = phase->files.waits;
    for (const auto& [first, wait] : waits)
      for (TaskIndex t = first; t < first + wait.tasks; ++t)
        if (phase->tasks.at(t) == TaskState::Waiting &&
            frames_read(*files, *phase->plan, t).contains(*looked.refused_frame))
          fail_task(farm, *phase, t, *looked.refused_frame, std::string(text_of(jobs::AttemptError::InputLink)),
                    looked.refused_message);
  }
  if (!news) return;
  wake_readers(farm, *phase);
  derive_awaited(*phase);
}

void forget_files(FarmState& farm, PhaseEntry& phase, TaskIndex task) {
  if (phase.files.inputs.empty()) return;
  for (RootFiles& files : phase.files.inputs) {
    const jobs::FrameSet read = frames_read(files, *phase.plan, task);
    for (std::int64_t i = 0; i < read.count(); ++i) mark_file(files, read.nth(i), false);
  }
  // Others that read them and were not begun wait as well: it is one and the same file.
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
    if (run.state == TaskState::Ready) return_tasks(farm, phase, run.tasks);
}

void recall_files(JobEntry& job) {
  for (PhaseEntry& phase : job.phases) {
    if (phase.files.inputs.empty()) continue;
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()})) {
      if (run.state != TaskState::Ready && run.state != TaskState::Leased && run.state != TaskState::Committed &&
          run.state != TaskState::Published)
        continue;
      for (RootFiles& files : phase.files.inputs)
        for (TaskIndex t = run.tasks.first; t < run.tasks.end() && files.missing > 0; ++t) {
          const jobs::FrameSet read = frames_read(files, *phase.plan, t);
          for (std::int64_t i = 0; i < read.count(); ++i) mark_file(files, read.nth(i), true);
        }
    }
  }
}

}  // namespace framemill::scheduler
