#include "scheduler/core/views/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "base/os_error.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/awaited.h"
#include "scheduler/core/policy/failure_text.h"
#include "scheduler/core/policy/missing_files.h"
#include "scheduler/core/policy/planner.h"
#include "scheduler/core/policy/readiness.h"
#include "scheduler/core/policy/reason.h"
#include "scheduler/core/policy/throttling.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/core/views/job_views.h"
#include "scheduler/core/views/remake_views.h"
#include "scheduler/core/views/share_views.h"
#include "scheduler/core/views/slot_reasons.h"

namespace framemill::scheduler {

namespace {

struct TaskRef {
  const PhaseEntry* phase = nullptr;
  TaskIndex task = 0;
};

// What was asked about: a layer and a variant of it, or any.
struct Asked {
  std::string layer;
  std::optional<std::uint32_t> variant;

  bool meets(const JobEntry& job, const PhaseEntry& phase) const {
    return (layer.empty() || job.layer_of(phase).name == layer) && (!variant || phase.plan->variant == *variant);
  }
};

// The task that should be running first: a ready one, else one in quarantine, else one that waits. In a job that
// has failed the first that failed: the others wait for it.
TaskRef first_open(const JobEntry& job, const Asked& asked) {
  using enum jobs::TaskState;
  const bool failed = job.record.state == jobs::JobState::Failed;
  const std::array order{failed ? Failed : Ready, Quarantined, Waiting};
  for (const TaskState wanted : order)
    for (const PhaseEntry& phase : job.phases) {
      if (!asked.meets(job, phase) || phase.tasks.count(wanted) == 0) continue;
      for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
        if (run.state == wanted) return {&phase, run.tasks.first};
    }
  return {};
}

// Nothing is held back: what the job does as a whole.
std::string job_sentence(const JobEntry& job, const Asked& asked) {
  const std::string text = fmt::format("job {} is {}", job.record.id.value, jobs::name(job.record.state));
  if (job.final() && asked.layer.empty() && !asked.variant) return text;
  std::uint64_t running = 0, naming = 0, published = 0, cancelled = 0, all = 0;
  for (const PhaseEntry& phase : job.phases) {
    if (!asked.meets(job, phase)) continue;
    running += phase.tasks.count(TaskState::Leased);
    naming += phase.tasks.count(TaskState::Committed);
    published += phase.tasks.count(TaskState::Published);
    cancelled += phase.tasks.count(TaskState::Cancelled);
    all += phase.tasks.size();
  }
  const std::string under_way = fmt::format("{} {}, {} awaiting publication, none blocked", running,
                                            running == 1 ? "task runs" : "tasks run", naming);
  if (!asked.layer.empty() || asked.variant) {
    const std::string part =
        asked.layer.empty() ? fmt::format("variant {}", *asked.variant) : fmt::format("layer {}", asked.layer);
    if (running + naming == 0 && cancelled > 0)
      return fmt::format("{} is cancelled: {} of {} tasks, {} are published; `framemill retry` reopens them", part,
                         cancelled, all, published);
    return fmt::format("{}; {}: {}", text, part, published == all ? "everything is published" : under_way);
  }
  if (job.manifests_owed > 0 && running + naming == 0) return text + ": its manifest is about to be written";
  return fmt::format("{}: {}", text, under_way);
}

// Nothing of what was asked about is under way, and some of it was cancelled.
bool is_cancelled(const JobEntry& job, const Asked& asked) {
  bool cancelled = false;
  for (const PhaseEntry& phase : job.phases) {
    if (!asked.meets(job, phase)) continue;
    if (phase.tasks.count(TaskState::Leased) + phase.tasks.count(TaskState::Committed) > 0) return false;
    cancelled = cancelled || phase.tasks.count(TaskState::Cancelled) > 0;
  }
  return cancelled;
}

// The task that writes the frame, in the first variant where it is not published; while that waits for its latents, the
// task that makes those.
TaskRef task_of_frame(const JobEntry& job, const Asked& asked, jobs::Frame frame) {
  TaskRef found;
  for (const PhaseEntry& phase : job.phases) {
    if (!asked.meets(job, phase)) continue;
    const TaskRange tasks = jobs::tasks_of_frames(*phase.plan, frame, frame);
    if (tasks.empty()) continue;
    if (found.phase == nullptr || found.phase->tasks.at(found.task) == TaskState::Published)
      found = {&phase, tasks.first};
  }
  if (found.phase == nullptr || found.phase->tasks.at(found.task) != TaskState::Waiting) return found;
  const auto missing = first_missing(job, *found.phase, found.task);
  if (missing && job.phases[missing->phase].plan->layer == found.phase->plan->layer)
    return {&job.phases[missing->phase], missing->task};
  return found;
}

// "hb_0010 denoise (window 4 of 8)", "boards t2 decode (frames 1001-1016)", "cut": as people speak of the work.
std::string task_text(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const jobs::PhasePlan& plan = *phase.plan;
  std::string text = job.label_of(phase);
  if (plan.traits().windowed) text += fmt::format(" {}", jobs::name(plan.kind));
  if (plan.traits().windowed && plan.traits().intermediate)
    return fmt::format("{} (window {} of {})", text, jobs::task_window(plan, task) + 1, plan.grid.window_count);
  const jobs::FrameSet frames = jobs::task_frames(plan, task);
  if (frames.empty()) return text;
  return fmt::format("{} (frame{} {})", text, frames.count() == 1 ? "" : "s", frames.text());
}

// The worker that holds a lease on the task, or nothing; a lease that ran out is held no more.
const Lease* lease_of(const FarmState& farm, const PhaseEntry& phase, TaskIndex task) {
  for (const auto& [first, id] : phase.attempts) {
    const Lease& lease = farm.leases.get(id);
    if (lease.record.tasks.contains(task) && !lease.expired) return &lease;
  }
  return nullptr;
}

std::string running_text(const FarmState& farm, const Lease* lease, base::Now now) {
  if (lease == nullptr) return "runs";
  const WorkerEntry& worker = farm.workers.get(lease->record.worker);
  std::string text = fmt::format("runs on {}/{}", worker.record.name, lease->record.slot_name);
  if (worker.silent)
    text += fmt::format(", which is silent for {}; it is granted again in {}",
                        seconds_text(now.monotonic - worker.last_heard), seconds_text(lease->deadline - now.monotonic));
  return text;
}

// The work that everything else waits for: of what is missing for what is missing, the last.
Missing deepest(const JobEntry& job, Missing missing) {
  for (std::size_t steps = 0; steps < job.phases.size(); ++steps) {
    const PhaseEntry& phase = job.phases[missing.phase];
    if (phase.tasks.at(missing.task) != TaskState::Waiting) break;
    const auto next = first_missing(job, phase, missing.task);
    if (!next || (next->phase == missing.phase && next->task == missing.task)) break;
    missing = *next;
  }
  return missing;
}

SlotReason dependency_reason(const FarmState& farm, const JobEntry& job, const Missing& missing, const Missing& last,
                             base::Now now) {
  const PhaseEntry& needed = job.phases[last.phase];
  const TaskState state = needed.tasks.at(last.task);
  SlotReason reason{Reason::Dependency, 0, {}, {}, {}};
  reason.because = fmt::format("waits for {}, which ", task_text(job, job.phases[missing.phase], missing.task));
  if (missing.phase != last.phase || missing.task != last.task)
    reason.because += fmt::format("waits for {}, which ", task_text(job, needed, last.task));
  reason.remedy = jobs::is_final(state) ? "retry what failed" : "nothing: it starts when that is published";
  if (state != TaskState::Leased) {
    reason.because += fmt::format("is {}", jobs::name(state));
    return reason;
  }
  const Lease* lease = lease_of(farm, needed, last.task);
  reason.because += running_text(farm, lease, now);
  if (lease != nullptr && farm.workers.get(lease->record.worker).silent)
    reason.remedy = "see why that worker is silent; its work goes to another one by itself";
  return reason;
}

struct HoldWords {
  std::string_view because, remedy;
};

constexpr HoldWords words_of(jobs::HoldKind kind) {
  switch (kind) {
    case jobs::HoldKind::Pause:
      return {"was paused", "resume the job"};
    case jobs::HoldKind::Budget:
      return {"is held because its budget is spent", "raise its budget"};
    case jobs::HoldKind::Rights:
      return {"is held until what it uses is allowed", "have its use allowed"};
    case jobs::HoldKind::Gate:
      return {"is held until what it made is approved", "look at what is published and approve it"};
    case jobs::HoldKind::Quota:
      return {"is held because a quota is used up", "wait, or have the quota raised"};
    case jobs::HoldKind::StartAfter:
      return {"starts later, as its spec says", "`framemill resume JOB --now` starts it at once"};
    case jobs::HoldKind::AfterJob:
      break;  // awaited_text tells
  }
  return {"is held", ""};
}

Reason reason_of(jobs::HoldKind kind) {
  if (kind == jobs::HoldKind::StartAfter) return Reason::StartAfter;
  return kind == jobs::HoldKind::AfterJob ? Reason::AfterJob : Reason::Paused;
}

SlotReason hold_reason(const FarmState& farm, const JobEntry& job, const Hold& hold, base::Now now) {
  if (hold.kind == jobs::HoldKind::AfterJob && !job.record.awaits.empty()) {
    AwaitedText awaited = awaited_text(farm, job);
    return {Reason::AfterJob, 0, {}, std::move(awaited.because), std::move(awaited.remedy)};
  }
  const HoldWords words = words_of(hold.kind);
  std::string because = fmt::format("job {} {}", job.record.id.value, words.because);
  if (hold.kind == jobs::HoldKind::Pause) because += fmt::format(" by {}", hold.placed.principal);
  if (hold.until.unix_ms != 0)
    because += fmt::format("; it goes on in {}", seconds_text({hold.until.unix_ms - now.wall.unix_ms}));
  return {reason_of(hold.kind), 0, {}, std::move(because), std::string(words.remedy)};
}

// The layer is held: everything that could take it gave it back.
std::optional<SlotReason> stuck_reason(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                       base::Now now) {
  const auto held = stuck_layer(farm, job, phase.plan->layer);
  if (!held) return std::nullopt;
  base::Instant next = base::kNever;
  for (const WorkerId id : able_workers(farm, phase.common_class))
    if (const HostStanding* standing = standing_of(job, phase.plan->layer, id))
      next = std::min(next, standing->not_before);
  std::string because = "stuck: " + failure_text(held->code, held->message);
  if (next != base::kNever && next > now.monotonic)
    because += "; one task is tried in " + seconds_text(next - now.monotonic);
  return SlotReason{Reason::BackOff,
                    0,
                    {},
                    std::move(because),
                    "fix the cause; work continues by itself once a task succeeds, or at once with `framemill retry`"};
}

// A task that every worker which could take it is refused for a while.
std::optional<SlotReason> trouble_reason(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                         TaskIndex task, base::Now now) {
  const auto entry = phase.troubles.find(task);
  const TaskTroubleRecord* trouble = entry == phase.troubles.end() ? nullptr : &entry->second.record;
  if (phase.tasks.at(task) == TaskState::Quarantined && trouble != nullptr)
    return SlotReason{
        Reason::Quarantined,
        0,
        {},
        fmt::format("it crashed {} executors while running in isolation", trouble->isolated_crashes.size()),
        fmt::format("find out why ({}), then retry it", trouble->last_message)};
  if (auto stuck = stuck_reason(farm, job, phase, now)) return stuck;
  const std::vector<WorkerId>& able = able_workers(farm, phase.common_class);
  const Judges judges(judges_among(farm, job, phase.plan->layer, able));
  base::Instant until = base::kNever;
  const HostStanding* standing = nullptr;
  for (const WorkerId id : able) {
    const Avoidance avoided = task_avoidance(farm, job, phase, task, id, judges);
    if (avoided.why != Avoidance::Why::BackOff && avoided.why != Avoidance::Why::Unseen) return std::nullopt;
    if (avoided.until < until) standing = avoided.standing;
    until = std::min(until, avoided.until);
  }
  if (until == base::kNever) return std::nullopt;
  const std::string again = "; tried again in " + seconds_text(until - now.monotonic);
  if (standing == nullptr)
    return SlotReason{
        Reason::InputMissing, 0, {}, trouble->last_message + again, "see that the input is on the worker's storage"};
  const bool full = standing->code == text_of(base::SystemError::StorageFull);
  return SlotReason{
      Reason::BackOff,
      0,
      {},
      failure_text(standing->code, standing->message) + again,
      full ? "free disk space there; it is retried automatically" : "nothing; it is retried automatically"};
}

ClassId class_for(const PhaseEntry& phase, TaskIndex task) {
  const auto trouble = phase.troubles.find(task);
  const bool lone = trouble != phase.troubles.end() && trouble->second.record.isolate;
  return lone ? phase.alone_class : phase.common_class;
}

// A file of a root that the task lacks, when somebody could look for it.
std::optional<SlotReason> file_reason(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                      TaskIndex task, base::Now now) {
  const auto missing = missing_file(farm, job, phase, task);
  if (!missing || !missing->asked) return std::nullopt;
  return SlotReason{Reason::InputMissing,
                    0,
                    {},
                    text_of(*missing, now.wall),
                    "put the file there: the task starts within seconds by itself; or submit other frames"};
}

// What holds a task back that waits for no other: a file, trouble, or the slots. Nothing when it runs or is over.
struct Causes {
  std::vector<SlotReason> reasons;
  bool never = false;
};
Causes causes_of(const FarmState& farm, const Planner& planner, const JobEntry& job, const PhaseEntry& phase,
                 TaskIndex task, base::Now now) {
  const TaskState state = phase.tasks.at(task);
  if (state != TaskState::Ready && state != TaskState::Waiting) return {};
  if (state == TaskState::Waiting) {
    if (auto file = file_reason(farm, job, phase, task, now)) return {{std::move(*file)}, false};
    if (!missing_file(farm, job, phase, task)) return {};
  }
  if (auto trouble = trouble_reason(farm, job, phase, task, now)) return {{std::move(*trouble)}, false};
  if (const auto throttle = throttle_of(farm, phase); throttle && state == TaskState::Ready) {
    SlotReason limited{throttle->reason, 0, {}, throttle->because, throttle->remedy};
    return {{std::move(limited)}, false};
  }
  SlotReasons slots = slot_reasons(farm, class_for(phase, task), job, phase, task, now.monotonic, &planner);
  return {std::move(slots.reasons), slots.never};
}

bool takes_its_turn(const SlotReason& reason) {
  return reason.reason == Reason::SlotsBusy || reason.reason == Reason::MemoryBooked ||
         reason.reason == Reason::CapReached;
}

// What is waited for, and what holds that back: the cause is named first where no time mends it.
void explain_missing(const FarmState& farm, const Planner& planner, const JobEntry& job, const Missing& missing,
                     base::Now now, ExplainView& view) {
  const Missing last = deepest(job, missing);
  SlotReason dependency = dependency_reason(farm, job, missing, last, now);
  Causes causes = causes_of(farm, planner, job, job.phases[last.phase], last.task, now);
  view.can_never_run = view.can_never_run || causes.never;
  // What only takes its turn is no cause.
  if (!causes.reasons.empty() && (causes.never || !takes_its_turn(causes.reasons.front()))) {
    const SlotReason& cause = causes.reasons.front();
    dependency.because += ": " + (cause.examples.empty() ? "" : cause.examples.front() + ": ") + cause.because;
    dependency.remedy = cause.remedy;
  }
  view.reasons.push_back(std::move(dependency));
  for (SlotReason& reason : causes.reasons) view.reasons.push_back(std::move(reason));
}

void explain_open_task(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, base::Now now,
                       ExplainView& view) {
  Planner planner(farm);
  if (!farm.read_only) planner.next();  // it finds nothing to place, and which slots are kept free
  for (const Hold& hold : job.record.holds) view.reasons.push_back(hold_reason(farm, job, hold, now));
  const SlotReasons slots =
      slot_reasons(farm, class_for(phase, view.task), job, phase, view.task, now.monotonic, &planner);
  view.can_never_run = slots.never;
  if (view.state == TaskState::Waiting) {
    // A cause that can never pass is reported before one that will.
    if (slots.never) view.reasons.insert(view.reasons.end(), slots.reasons.begin(), slots.reasons.end());
    if (const auto missing = first_missing(job, phase, view.task)) {
      explain_missing(farm, planner, job, *missing, now, view);
      return;
    }
    if (auto file = file_reason(farm, job, phase, view.task, now)) {
      view.reasons.push_back(std::move(*file));
      return;
    }
    if (slots.never) return;
  } else if (auto trouble = trouble_reason(farm, job, phase, view.task, now)) {
    view.reasons.push_back(std::move(*trouble));
    return;
  } else if (farm.read_only) {
    view.reasons.push_back({Reason::StorageUnreachable,
                            0,
                            {},
                            "the scheduler's disk is full: nothing new is granted",
                            "free at least 32 MiB on the disk of the scheduler's data directory"});
    return;
  }
  const auto throttle = view.state == TaskState::Ready ? throttle_of(farm, phase) : std::nullopt;
  if (throttle) view.reasons.push_back({throttle->reason, 0, {}, throttle->because, throttle->remedy});
  // A slot that is merely busy does not keep a paused job back; one that is drained or lacks something will, later.
  std::copy_if(slots.reasons.begin(), slots.reasons.end(), std::back_inserter(view.reasons), [&](const SlotReason& r) {
    if (throttle && r.reason == throttle->reason) return false;  // said already, of the farm as a whole
    return !job.is_held() || r.reason != Reason::SlotsBusy;
  });
  // A slot takes it as soon as one is free, and another share's work comes before.
  if (!job.is_held() && std::any_of(slots.reasons.begin(), slots.reasons.end(), takes_its_turn))
    if (auto share = share_reason(farm, job)) view.reasons.push_back(std::move(*share));
}

std::string sentence_of(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, const ExplainView& view,
                        base::Now now) {
  std::string text = task_text(job, phase, view.task);
  // One task of several frames, or of latents: which of them.
  if (view.frame && !text.ends_with(fmt::format("(frame {})", *view.frame)))
    text += fmt::format(", frame {},", *view.frame);
  if (view.state == TaskState::Leased)
    return fmt::format("{} {}", text, running_text(farm, lease_of(farm, phase, view.task), now));
  if (view.state == TaskState::Committed) {
    const auto refused = job.publish_troubles.find(phase.plan->layer);
    if (refused == job.publish_troubles.end())
      return fmt::format("{} is finished; its files are waiting to be published", text);
    return fmt::format("{} is finished; its files cannot be published: {}; it is retried automatically", text,
                       failure_text(refused->second.code, refused->second.message));
  }
  if (view.state == TaskState::Failed) {
    const auto trouble = phase.troubles.find(view.task);
    if (trouble == phase.troubles.end()) return text + " failed";
    const TaskTroubleRecord& last = trouble->second.record;
    return fmt::format("{} failed: {}", text, failure_text(last.last_code, last.last_message));
  }
  text += fmt::format(" is {}", jobs::name(view.state));
  if (view.state == TaskState::Published) return text + remade_text(farm, job, phase, view.task);
  if (view.reasons.empty()) return text;
  const SlotReason& first = view.reasons.front();
  text += view.can_never_run ? " and can never run on this farm: " : ": ";
  if (!first.examples.empty()) text += first.examples.front() + ": ";
  return text + first.because;
}

}  // namespace

base::Result<ExplainView> explain_task(const FarmState& farm, JobId id, const std::string& layer,
                                       std::optional<std::uint32_t> variant, std::optional<jobs::Frame> frame,
                                       base::Now now) {
  const JobEntry* job = farm.jobs.find(id);
  if (job == nullptr) return base::error_of(Refusal::JobUnknown, fmt::format("job {} not found", id.value), "job");
  const auto& layers = job->record.spec->layers;
  if (!layer.empty() && std::none_of(layers.begin(), layers.end(), [&](const auto& l) { return l.name == layer; }))
    return unknown_layer(job->record.id, *job->record.spec, layer);
  const Asked asked{layer, variant};
  if (std::none_of(job->phases.begin(), job->phases.end(), [&](const auto& phase) { return asked.meets(*job, phase); }))
    return base::error_of(
        Refusal::JobVariantUnknown,
        fmt::format("{} has no variant {}", layer.empty() ? "the job" : "layer " + layer, variant.value_or(0)),
        "variant", "variants count from 0");
  const TaskRef ref = frame ? task_of_frame(*job, asked, *frame) : first_open(*job, asked);
  ExplainView view;
  if (ref.phase == nullptr) {
    if (frame) return base::error_of(Refusal::JobFrameUnknown, "no task of the job writes that frame", "frame");
    view.state = job->final() ? TaskState::Published : TaskState::Leased;
    if (is_cancelled(*job, asked)) view.state = TaskState::Cancelled;
    view.sentence = job_sentence(*job, asked);
    return view;
  }
  view.phase = ref.phase->id;
  view.task = ref.task;
  view.layer = job->layer_of(*ref.phase).name;
  view.frame = frame;
  view.state = ref.phase->tasks.at(ref.task);
  if (!frame && (view.state == TaskState::Failed || view.state == TaskState::Quarantined))
    view.frame = frame_to_look_at(*ref.phase, ref.task);
  if (view.state == TaskState::Ready || view.state == TaskState::Waiting)
    explain_open_task(farm, *job, *ref.phase, now, view);
  else if (view.state == TaskState::Quarantined)
    if (auto trouble = trouble_reason(farm, *job, *ref.phase, ref.task, now))
      view.reasons.push_back(std::move(*trouble));
  view.sentence = sentence_of(farm, *job, *ref.phase, view, now);
  return view;
}

}  // namespace framemill::scheduler
