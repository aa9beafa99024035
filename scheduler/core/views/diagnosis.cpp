#include "scheduler/core/views/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/ascii.h"
#include "base/text.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/failure_text.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/core/views/explain.h"
#include "scheduler/core/views/job_views.h"

namespace framemill::scheduler {
namespace {

using Kind = Finding::Kind;
using Blame = Finding::Blame;

constexpr double kSlowTimes = 3;  // as long as the work takes elsewhere
constexpr base::Duration kSlowAtLeast = base::seconds(30);

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string command_for(std::string_view verb, const JobEntry& job, const Finding& finding, bool with_frames) {
  std::string text = fmt::format("framemill {} {}", verb, job.record.id.value);
  if (!finding.layer.empty()) text += " --layer " + finding.layer;
  if (with_frames && !finding.frames.empty())
    text += verb == "logs" ? fmt::format(" --frame {}", finding.frames.first()) : " --frames " + finding.frames.text();
  return text;
}

// Layers whose tasks wait, directly or not, for the layer; and how many tasks.
std::string waiting_for(const JobEntry& job, std::uint32_t layer) {
  std::set<jobs::PhaseIndex> reached;
  std::vector<jobs::PhaseIndex> open;
  for (const PhaseEntry& phase : job.phases)
    if (phase.plan->layer == layer) open.push_back(phase.id.index);
  while (!open.empty()) {
    const PhaseEntry& phase = job.phases[open.back()];
    open.pop_back();
    for (const Dependent& dependent : phase.dependents)
      if (reached.insert(dependent.owner).second) open.push_back(dependent.owner);
  }
  std::uint64_t tasks = 0;
  std::string names;
  std::set<std::uint32_t> named{layer};
  for (const jobs::PhaseIndex index : reached) {
    const PhaseEntry& phase = job.phases[index];
    const std::uint32_t waiting = phase.tasks.count(TaskState::Waiting);
    if (waiting == 0) continue;
    tasks += waiting;
    if (named.insert(phase.plan->layer).second) names += (names.empty() ? "" : ", ") + job.layer_of(phase).name;
  }
  if (tasks == 0) return {};
  return fmt::format("{} ({})", names.empty() ? "the same layer" : names, counted(tasks, "task"));
}

// What is known of the tasks of one layer that were given up with one code.
struct Group {
  std::vector<jobs::FrameSpan> spans;  // frames of the tasks, in any order
  std::map<WorkerId, std::uint32_t> tries;
  const TaskTroubleRecord* newest = nullptr;
  ClassId demand_class = 0;
  std::uint32_t tasks = 0;
  bool quarantined = false;
};
using GroupKey = std::pair<std::uint32_t, std::string>;  // layer, code

void add_to(Group& group, const PhaseEntry& phase, TaskIndex task, const TaskTroubleRecord& trouble) {
  ++group.tasks;
  const jobs::FrameSet frames = phase.frames_of(task);
  group.spans.insert(group.spans.end(), frames.spans().begin(), frames.spans().end());
  group.demand_class = phase.common_class;
  group.quarantined = group.quarantined || phase.tasks.at(task) == TaskState::Quarantined;
  for (const auto* workers : {&trouble.failed_on, &trouble.isolated_crashes})
    for (const WorkerId worker : std::set<WorkerId>(workers->begin(), workers->end())) ++group.tries[worker];
  if (group.newest == nullptr || group.newest->last_attempt < trouble.last_attempt) group.newest = &trouble;
}

std::map<GroupKey, Group> groups_of(const JobEntry& job) {
  std::map<GroupKey, Group> groups;
  for (const PhaseEntry& phase : job.phases)
    for (const auto& [task, trouble] : phase.troubles) {
      const TaskState state = phase.tasks.at(task);
      if (state != TaskState::Failed && state != TaskState::Quarantined) continue;
      add_to(groups[{phase.plan->layer, trouble.record.last_code}], phase, task, trouble.record);
    }
  return groups;
}

jobs::FrameSet united(std::vector<jobs::FrameSpan> spans) {
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<jobs::FrameSpan> apart;
  for (const jobs::FrameSpan& span : spans)
    if (!apart.empty() && span.first <= apart.back().last)
      apart.back().last = std::max(apart.back().last, span.last);
    else
      apart.push_back(span);
  return jobs::FrameSet::of(apart);
}

// The worker committed tasks of the layer, as far as this process of the scheduler saw.
bool finished_others(const JobEntry& job, std::uint32_t layer, WorkerId worker) {
  const HostStanding* standing = standing_of(job, layer, worker);
  return (standing != nullptr && standing->committed > 0) ||
         std::any_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
           return phase.plan->layer == layer && phase.last_worker == worker;
         });
}

// Whose fault the failures are, as far as the tries tell.
void judge(const FarmState& farm, const JobEntry& job, std::uint32_t layer, const Group& group, Finding& finding) {
  if (finding.code.starts_with("input.")) {
    finding.blame = Blame::Input;
    finding.because = "a file that it reads is to blame";
    return;
  }
  std::size_t others = 0;
  for (const WorkerId worker : able_workers(farm, group.demand_class)) others += group.tries.contains(worker) ? 0u : 1u;
  if (group.tries.size() > 1) {
    finding.blame = Blame::Work;
    finding.because =
        fmt::format("the work is to blame: it failed on each of {} workers that tried it", group.tries.size());
  } else if (group.tries.size() == 1) {
    const WorkerId only = group.tries.begin()->first;
    const HostStanding* standing = standing_of(job, layer, only);
    const std::string name = farm.workers.get(only).record.name;
    if (standing != nullptr && standing->aside && standing->by_failures) {
      finding.blame = Blame::Host;
      finding.because = fmt::format("{} is to blame: the layer succeeds elsewhere", name);
    } else if (finished_others(job, layer, only)) {
      finding.blame = Blame::Work;
      finding.because = fmt::format("the work is to blame: {} finished other tasks of the layer", name);
    } else {
      finding.because = fmt::format("the work or {}: {}", name,
                                    others == 0 ? "no other worker could try it" : "no other worker has tried it");
    }
  } else {
    finding.because = "nobody's tries are on record";
  }
}

void add_tries(const FarmState& farm, const Group& group, Finding& finding) {
  for (const auto& [worker, tasks] : group.tries)
    if (const WorkerEntry* entry = farm.workers.find(worker)) finding.workers.push_back({entry->record.name, tasks});
  std::sort(finding.workers.begin(), finding.workers.end(),
            [](const auto& a, const auto& b) { return a.tasks != b.tasks ? a.tasks > b.tasks : a.worker < b.worker; });
  if (finding.workers.size() > kDiagnosisWorkersMax) finding.workers.resize(kDiagnosisWorkersMax);
}

void add_failures(const FarmState& farm, const JobEntry& job, std::vector<Finding>& findings) {
  for (const auto& [key, group] : groups_of(job)) {
    Finding finding;
    finding.kind = group.quarantined ? Kind::Quarantine : Kind::Failure;
    finding.layer = job.record.spec->layers[key.first].name;
    finding.tasks = group.tasks;
    finding.frames = united(group.spans);
    finding.code = key.second;
    finding.message = group.newest->last_message;
    finding.attempt = group.newest->last_attempt;
    judge(farm, job, key.first, group, finding);
    add_tries(farm, group, finding);
    finding.waiting = waiting_for(job, key.first);
    if (finding.attempt) finding.next.push_back(command_for("logs", job, finding, true));
    finding.next.push_back(command_for("retry", job, finding, false));
    findings.push_back(std::move(finding));
  }
}

void add_stuck_layers(const FarmState& farm, const JobEntry& job, std::vector<Finding>& findings) {
  if (!job.may_be_granted()) return;
  for (std::uint32_t layer = 0; layer < job.record.spec->layers.size(); ++layer) {
    const auto stuck = stuck_layer(farm, job, layer);
    if (!stuck) continue;
    Finding finding;
    finding.kind = Kind::Stuck;
    finding.layer = job.record.spec->layers[layer].name;
    for (const PhaseEntry& phase : job.phases)
      if (phase.plan->layer == layer) finding.tasks += phase.tasks.count(TaskState::Ready);
    finding.code = stuck->code;
    finding.message = stuck->message;
    finding.blame = Blame::Host;
    finding.because = "every worker that could take it gave it back, through no fault of the work";
    finding.waiting = waiting_for(job, layer);
    finding.next = {"framemill workers", command_for("retry", job, finding, false)};
    findings.push_back(std::move(finding));
  }
}

void add_hosts(const FarmState& farm, const JobEntry& job, std::vector<Finding>& findings) {
  for (const auto& [key, standing] : job.hosts) {
    if (!standing.aside) continue;
    const WorkerEntry* worker = farm.workers.find(key.second);
    if (worker == nullptr) continue;
    Finding finding;
    finding.kind = Kind::Host;
    finding.layer = job.record.spec->layers[key.first].name;
    finding.code = standing.code;
    finding.message = standing.message;
    finding.blame = Blame::Host;
    finding.because = fmt::format("{} gets no more of it but a task now and then{}", worker->record.name,
                                  standing.by_failures ? ": it succeeds elsewhere" : "");
    finding.workers.push_back({worker->record.name, static_cast<std::uint32_t>(standing.failed.size())});
    finding.next = {"framemill workers"};
    findings.push_back(std::move(finding));
  }
}

// Several times longer at its present task than the work takes on such a device.
std::optional<double> slowness_s(const FarmState& farm, const Lease& lease, base::Instant now) {
  const auto usual_s = farm.pace.seconds(farm.jobs.get(lease.record.phase).pace, lease.record.device_class);
  if (!usual_s || *usual_s <= 0 || lease.expired || lease.activity.attempt == AttemptId{}) return std::nullopt;
  const base::Duration since = now - lease.granted_at;
  const double per_task_s = static_cast<double>(since.ms) / 1000 / (lease.record.tasks_committed + 1);
  const bool is_first =
      *farm.workers.get(lease.record.worker).slots.at(lease.record.slot).leases.begin() == lease.record.id;
  if (!is_first || since < kSlowAtLeast || per_task_s < kSlowTimes * *usual_s) return std::nullopt;
  return per_task_s;
}

void add_slow_attempts(const FarmState& farm, const JobEntry& job, base::Now now, std::vector<Finding>& findings) {
  for (const PhaseEntry& phase : job.phases)
    for (const auto& [first, id] : phase.attempts) {
      const Lease& lease = farm.leases.get(id);
      const auto seconds = slowness_s(farm, lease, now.monotonic);
      if (!seconds || findings.size() >= kFindingsMax) continue;
      const WorkerEntry& worker = farm.workers.get(lease.record.worker);
      Finding finding;
      finding.kind = Kind::Slow;
      finding.layer = job.layer_of(phase).name;
      finding.tasks = lease.left;
      finding.blame = Blame::Host;
      finding.because = fmt::format("{}/{} takes {:.0f} s and more for a task; elsewhere it takes about {:.0f} s",
                                    worker.record.name, lease.record.slot_name, *seconds,
                                    std::max(1.0, *farm.pace.seconds(phase.pace, lease.record.device_class)));
      finding.workers.push_back({worker.record.name, 0});
      finding.attempt = id;
      finding.next = {fmt::format("framemill drain {}", worker.record.name)};
      findings.push_back(std::move(finding));
    }
}

// Nothing of it runs and nothing is wrong with it: why the first task does not start.
void add_waiting(const FarmState& farm, const JobEntry& job, base::Now now, std::vector<Finding>& findings) {
  if (job.final() || job.attempts_live > 0 || !findings.empty()) return;
  const auto explained = explain_task(farm, job.record.id, "", std::nullopt, std::nullopt, now);
  if (!explained.ok() || explained->reasons.empty()) return;
  const SlotReason& first = explained->reasons.front();
  Finding finding;
  finding.kind = Kind::Waiting;
  finding.layer = explained->layer;
  finding.code = name(first.reason);
  finding.because = explained->sentence;
  finding.next = {first.remedy.empty() ? command_for("explain", job, finding, false) : first.remedy};
  findings.push_back(std::move(finding));
}

std::string sentence_of(const JobEntry& job, const DiagnosisView& view) {
  const std::string head =
      fmt::format("job {} ({}) is {}", job.record.id.value, job.record.spec->name, jobs::name(job.record.state));
  if (view.findings.empty()) {
    if (job.record.state == jobs::JobState::Running)
      return fmt::format("{}: nothing is wrong with it; {} under way", head, counted(job.attempts_live, "attempt"));
    return head + ": nothing is wrong with it";
  }
  const Finding& worst = view.findings.front();
  const std::string failure = failure_text(worst.code, worst.message);
  switch (worst.kind) {
    case Kind::Failure:
      return fmt::format("{}: {} of {} failed: {}", head, counted(worst.tasks, "task"), worst.layer, failure);
    case Kind::Quarantine:
      return fmt::format("{}: {} of {} crashed executors: {}", head, counted(worst.tasks, "task"), worst.layer,
                         failure);
    case Kind::Stuck:
      return fmt::format("{}: layer {} is stuck: {}", head, worst.layer, failure);
    case Kind::Host:
      return fmt::format("{}: {}: {}", head, worst.because, failure);
    case Kind::Waiting:
    case Kind::Slow:
      return fmt::format("{}: {}", head, worst.because);
  }
  return head;
}

bool speaks_of_an_error(std::string_view line) {
  constexpr std::array<std::string_view, 10> kWords{"error",  "exception", "fatal",    "traceback",     "failed",
                                                    "killed", "cannot",    "no such ", "out of memory", "not found"};
  const std::string lower = base::ascii_lower(line);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace

std::string_view name(Finding::Kind kind) {
  constexpr std::array<std::string_view, 6> kNames{"failure", "quarantine", "stuck", "host", "waiting", "slow"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view name(Finding::Blame blame) {
  constexpr std::array<std::string_view, 4> kNames{"work", "host", "input", "unknown"};
  return kNames.at(static_cast<std::size_t>(blame));
}

base::Result<DiagnosisView> diagnose_job(const FarmState& farm, JobId id, base::Now now) {
  const JobEntry* job = farm.jobs.find(id);
  if (job == nullptr) return base::error_of(Refusal::JobUnknown, fmt::format("job {} not found", id.value), "job");
  DiagnosisView view;
  view.job = id;
  view.state = job->record.state;
  add_failures(farm, *job, view.findings);
  add_stuck_layers(farm, *job, view.findings);
  add_hosts(farm, *job, view.findings);
  add_slow_attempts(farm, *job, now, view.findings);
  add_waiting(farm, *job, now, view.findings);
  if (view.findings.size() > kFindingsMax) view.findings.resize(kFindingsMax);
  view.sentence = sentence_of(*job, view);
  return view;
}

std::string telling_line(std::string_view output) {
  constexpr std::size_t kBytesMax = 300;
  std::string_view last, telling;
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    std::string_view line = output.substr(0, end);
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    last = line;
    if (speaks_of_an_error(line)) telling = line;
  }
  return std::string(base::first_bytes(telling.empty() ? last : telling, kBytesMax));
}

}  // namespace framemill::scheduler
