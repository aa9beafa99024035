#include "scheduler/core/acts/standings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jobs/attempt_error.h"
#include "jobs/publish_error.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/failure_text.h"

namespace framemill::scheduler {
namespace {

// Tasks that must fail on a worker, and nowhere else, before it gets no more of the layer; more where it did some well.
constexpr std::uint32_t kFailuresBefore = 2, kFailuresAfterCommits = 4;

HostStanding& standing_at(JobEntry& job, std::uint32_t layer, WorkerId worker) {
  return job.hosts[{layer, worker}];
}

// first, twice, four times ... at most `most`.
base::Duration pause_after(std::uint32_t times, base::Duration first, base::Duration most) {
  return std::min(first * (std::int64_t{1} << std::min(std::max(times, 1u) - 1, 20u)), most);
}

void wait_until(FarmState& farm, HostStanding& standing, base::Instant until) {
  standing.not_before = until;
  farm.wakes.insert(until);
}

void say_layer(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerId worker, LayerEvent::What what,
               std::string detail) {
  show_at_once(farm, job);
  farm.turn.say(LayerEvent{what, job.record.id, layer, std::move(detail), worker});
}

std::string text_of(const JobEntry& job, std::uint32_t layer) {
  return fmt::format("job {} {}", job.record.id.value, job.record.spec->layers[layer].name);
}

void hold_if_all_aside(FarmState& farm, JobEntry& job, std::uint32_t layer, const std::string& code,
                       const std::string& message) {
  auto& stuck = job.record.stuck;
  const auto place = std::lower_bound(stuck.begin(), stuck.end(), layer,
                                      [](const StuckLayer& s, std::uint32_t l) { return s.layer < l; });
  if (place != stuck.end() && place->layer == layer) return;
  const bool held = std::any_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
    return phase.plan->layer == layer && all_aside(farm, job, phase);
  });
  if (!held) return;
  stuck.insert(place, StuckLayer{layer, farm.turn.now.wall, code, message});
  farm.turn.mark(job);
  say_layer(farm, job, layer, {}, LayerEvent::What::Stuck,
            fmt::format("{} is held: {}", text_of(job, layer), failure_text(code, message)));
}

void release_layer(FarmState& farm, JobEntry& job, std::uint32_t layer) {
  if (std::erase_if(job.record.stuck, [&](const StuckLayer& s) { return s.layer == layer; }) == 0) return;
  farm.turn.mark(job);
  say_layer(farm, job, layer, {}, LayerEvent::What::Resumed, text_of(job, layer) + " goes on");
}

// What failed there alone was the worker's fault: it is tried again as if it had not failed there.
void take_charges_back(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerId worker) {
  for (PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != layer) continue;
    std::vector<TaskIndex> reopened;
    for (auto& [task, trouble] : phase.troubles) {
      TaskTroubleRecord& record = trouble.record;
      const auto taken = static_cast<std::uint32_t>(std::erase(record.failed_on, worker));
      if (taken == 0) continue;
      record.charged_tries -= std::min(record.charged_tries, taken);
      record.uncharged_returns += taken;
      phase.tally.tries_charged -= std::min<std::uint64_t>(phase.tally.tries_charged, taken);
      farm.turn.mark(phase);
      farm.turn.mark(phase, task, trouble);
      if (phase.tasks.at(task) == TaskState::Failed && !jobs::publish_error_from_code(record.last_code))
        reopened.push_back(task);
    }
    for (const TaskIndex task : reopened) return_tasks(farm, phase, {task, 1});
    sort_troubles(farm, phase);
  }
}

std::string elsewhere_text(std::string what) {
  return std::move(what) + ", and it succeeds elsewhere";
}

void set_aside(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, HostStanding& standing,
               bool by_failures) {
  standing.aside = true;
  farm.jobs_aside.insert(job.record.id);
  standing.by_failures = by_failures;
  standing.aside_since = farm.turn.now.wall;
  standing.probes = 0;
  standing.judged_at = farm.now();
  wait_until(farm, standing, farm.now() + farm.settings.probe_first);
  say_layer(farm, job, layer, worker.record.id, LayerEvent::What::WorkerSetAside,
            fmt::format("{} gets no more of {}: {}", worker.record.name, text_of(job, layer),
                        failure_text(standing.code, standing.message)));
  if (by_failures) {
    take_charges_back(farm, job, layer, worker.record.id);
    blame_worker(farm, worker, job.record.id, elsewhere_text(failure_text(standing.code, standing.message)));
  }
  hold_if_all_aside(farm, job, layer, standing.code, standing.message);
}

bool succeeds_elsewhere(const JobEntry& job, std::uint32_t layer, WorkerId worker) {
  for (auto at = job.hosts.lower_bound({layer, WorkerId{}}); at != job.hosts.end() && at->first.first == layer; ++at)
    if (at->first.second != worker && at->second.committed > 0) return true;
  return false;
}

bool any_aside(const JobEntry& job, std::uint32_t layer) {
  for (auto at = job.hosts.lower_bound({layer, WorkerId{}}); at != job.hosts.end() && at->first.first == layer; ++at)
    if (at->second.aside) return true;
  return false;
}

void judge(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerId id) {
  HostStanding& standing = standing_at(job, layer, id);
  const std::uint32_t most = standing.committed == 0 ? kFailuresBefore : kFailuresAfterCommits;
  if (standing.aside || standing.failed.size() < most || !succeeds_elsewhere(job, layer, id)) return;
  set_aside(farm, job, layer, farm.workers.get(id), standing, true);
}

// `worker` has just shown that the layer's work can be done.
void judge_suspects(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerId worker) {
  std::erase_if(job.suspects, [&](const auto& suspect) {
    const auto standing = job.hosts.find(suspect);
    return standing == job.hosts.end() || standing->second.failed.empty();
  });
  const auto suspects = job.suspects;  // what follows from a verdict may change them
  for (const auto& [of_layer, suspect] : suspects)
    if (of_layer == layer && suspect != worker) judge(farm, job, layer, suspect);
}

// The task fails on another worker as well, so its failure says nothing about those that had it before.
bool clear_others(FarmState& farm, JobEntry& job, const PhaseEntry& phase, TaskIndex task, WorkerId worker) {
  const std::uint32_t layer = phase.plan->layer;
  bool cleared = false;
  for (auto at = job.hosts.lower_bound({layer, WorkerId{}}); at != job.hosts.end() && at->first.first == layer; ++at) {
    HostStanding& other = at->second;
    if (at->first.second == worker || other.failed.erase({phase.id.index, task}) == 0) continue;
    cleared = true;
    if (!other.aside || !other.by_failures || other.failed.size() >= kFailuresBefore) continue;
    other.aside = false;
    other.not_before = farm.now();
    farm.match_wanted = true;
  }
  return cleared;
}

// Others are at work on the layer and have not shown yet whether it fails there, too.
bool is_judged_soon(const FarmState& farm, const JobEntry& job, std::uint32_t layer, WorkerId worker) {
  const auto is_open = [&](const auto& attempt) {
    const WorkerId other = farm.leases.get(attempt.second).record.worker;
    const HostStanding* standing = standing_of(job, layer, other);
    return other != worker && (standing == nullptr || (!standing->aside && !standing->has_failed));
  };
  return std::any_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
    return phase.plan->layer == layer && std::any_of(phase.attempts.begin(), phase.attempts.end(), is_open);
  });
}

// It fails elsewhere as well: there is nothing to wait for.
void end_pauses(FarmState& farm, JobEntry& job, std::uint32_t layer) {
  for (auto at = job.hosts.lower_bound({layer, WorkerId{}}); at != job.hosts.end() && at->first.first == layer; ++at) {
    HostStanding& standing = at->second;
    if (standing.aside || standing.returns > 0 || standing.not_before <= farm.now()) continue;
    standing.not_before = farm.now();
    farm.match_wanted = true;
  }
}

// Every class of the worker's devices, and every class of work that waits, has another worker that could do it.
bool others_are_able(const FarmState& farm, const WorkerEntry& worker) {
  const auto other_with = [&](const auto& able) {
    return std::any_of(farm.workers.all().begin(), farm.workers.all().end(), [&](const auto& entry) {
      return entry.first != worker.record.id && entry.second.takes_grants() && able(entry.second);
    });
  };
  for (const DeviceState& device : worker.inventory.devices)
    if (!other_with([&](const WorkerEntry& other) {
          const auto& devices = other.inventory.devices;
          return !other.slots.empty() && std::any_of(devices.begin(), devices.end(), [&](const DeviceState& d) {
            return d.device_class == device.device_class;
          });
        }))
      return false;
  for (const auto& [id, queue] : farm.ready.classes()) {
    const std::vector<WorkerId>& able = able_workers(farm, id);
    if (able.size() == 1 && able.front() == worker.record.id) return false;
  }
  return true;
}

std::string jobs_text(const std::vector<JobId>& jobs) {
  std::string text;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == jobs.size() ? " and " : ", ", jobs[i].value);
  return text;
}

void start_pause(FarmState& farm, WorkerEntry& worker, base::Duration pause) {
  worker.probe_pause = pause;
  worker.probe_at = farm.now() + pause;
  farm.wakes.insert(worker.probe_at);
}

}  // namespace

void note_granted(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, AttemptId attempt) {
  const auto found = job.hosts.find({layer, worker.record.id});
  if (found != job.hosts.end() && found->second.on_trial()) found->second.probe = attempt;
  // A worker came that is not set aside.
  const bool aside = found != job.hosts.end() && found->second.aside;
  if (!aside && !job.record.stuck.empty() && any_aside(job, layer)) release_layer(farm, job, layer);
  if (!worker.record.quarantined) return;
  worker.probe = attempt;
  worker.probe_open = false;
  farm.on_worker_changed(worker);
}

void note_ended(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, AttemptId attempt) {
  if (const auto found = job.hosts.find({layer, worker.record.id});
      found != job.hosts.end() && found->second.probe == attempt) {
    found->second.probe = {};
    farm.match_wanted = true;
  }
  if (worker.probe != attempt) return;
  worker.probe = {};
  if (worker.record.quarantined)
    start_pause(farm, worker, std::min(worker.probe_pause * 2, farm.settings.worker_probe_most));
}

void note_committed(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                    AttemptId attempt) {
  const std::uint32_t layer = phase.plan->layer;
  const WorkerId id = worker.record.id;
  HostStanding& standing = standing_at(job, layer, id);
  if (standing.on_trial()) farm.match_wanted = true;
  if (standing.aside)
    say_layer(farm, job, layer, id, LayerEvent::What::WorkerTakenBack,
              fmt::format("{} gets work of {} again: a probe succeeded", worker.record.name, text_of(job, layer)));
  const std::uint32_t committed = standing.committed + 1;
  standing = {};
  standing.committed = committed;
  release_layer(farm, job, layer);

  const auto trouble = phase.troubles.find(task);
  if (trouble != phase.troubles.end()) {
    trouble->second.unseen.clear();
    std::set<WorkerId> wrong(trouble->second.record.failed_on.begin(), trouble->second.record.failed_on.end());
    wrong.insert(trouble->second.record.isolated_crashes.begin(), trouble->second.record.isolated_crashes.end());
    wrong.erase(id);
    for (const WorkerId other : wrong)
      if (WorkerEntry* blamed = farm.workers.find(other))
        blame_worker(
            farm, *blamed, job.record.id,
            elsewhere_text(failure_text(trouble->second.record.last_code, trouble->second.record.last_message)));
  }
  judge_suspects(farm, job, layer, id);

  if (!worker.record.blamed_jobs.empty()) {
    worker.record.blamed_jobs.clear();
    farm.turn.mark(worker);
  }
  if (!worker.record.quarantined || worker.probe != attempt) return;
  worker.record.quarantined = false;
  worker.probe = {};
  worker.probe_at = base::kNever;
  worker.record.last_change = {"scheduler", farm.turn.now.wall, "a probe succeeded there"};
  farm.turn.mark(worker);
  farm.on_worker_changed(worker);
  farm.turn.say(WorkerEvent{WorkerEvent::What::QuarantineCleared, id, worker.record.last_change.reason});
}

bool note_failed(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                 base::Instant granted_at, const std::string& code, const std::string& message) {
  const std::uint32_t layer = phase.plan->layer;
  const WorkerId id = worker.record.id;
  HostStanding& standing = standing_at(job, layer, id);
  const bool suspect = (standing.aside && standing.by_failures) || worker.record.quarantined;
  // It ran, so what made the worker give work back is over.
  if (standing.aside && !standing.by_failures) standing.aside = false;
  standing.returns = 0;
  standing.code = code;
  standing.message = message;
  if (!std::exchange(standing.has_failed, true)) end_pauses(farm, job, layer);
  const bool elsewhere = clear_others(farm, job, phase, task, id);
  const auto& failed_on = failure_history_of(farm, phase, task).record.failed_on;
  const bool explained =
      elsewhere || std::any_of(failed_on.begin(), failed_on.end(), [&](WorkerId other) { return other != id; });
  if (!explained && standing.failed.size() < kFailedThereMax) {
    standing.failed.emplace(phase.id.index, task);
    job.suspects.emplace(layer, id);
  }
  if (suspect) {
    if (granted_at <= standing.judged_at) return false;  // no probe: it was given before
    ++standing.probes;
    wait_until(farm, standing,
               farm.now() + pause_after(standing.probes + 1, farm.settings.probe_first, farm.settings.probe_most));
    return false;
  }
  judge(farm, job, layer, id);
  // A worker on which everything fails at once is always free: it must not run through the whole layer before the first
  // task is done elsewhere.
  if (!standing.aside && standing.committed == 0 && standing.failed.size() >= kFailuresBefore &&
      is_judged_soon(farm, job, layer, id))
    wait_until(farm, standing,
               farm.now() + pause_after(static_cast<std::uint32_t>(standing.failed.size()) - 1,
                                        farm.settings.back_off_first, farm.settings.back_off_most));
  return !standing.aside;
}

void note_returned(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, base::Instant granted_at,
                   const std::string& code, const std::string& message, bool waits) {
  HostStanding& standing = standing_at(job, layer, worker.record.id);
  standing.code = code;
  standing.message = message;
  if (granted_at < standing.judged_at) return;  // of a wave that has been counted
  standing.judged_at = farm.now();
  ++standing.returns;
  if (standing.aside) {
    ++standing.probes;
    wait_until(farm, standing,
               farm.now() + pause_after(standing.probes + 1, farm.settings.probe_first, farm.settings.probe_most));
    return hold_if_all_aside(farm, job, layer, code, message);
  }
  if (standing.returns >= farm.settings.returns_max) return set_aside(farm, job, layer, worker, standing, false);
  if (waits || standing.on_trial())
    wait_until(farm, standing,
               farm.now() + pause_after(standing.returns, farm.settings.back_off_first, farm.settings.back_off_most));
}

void note_unseen(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                 const std::string& code, const std::string& message) {
  FailureHistory::Unseen& unseen = failure_history_of(farm, phase, task).unseen[worker.record.id];
  ++unseen.looks;
  unseen.not_before = farm.now() + pause_after(unseen.looks, farm.settings.back_off_first, farm.settings.back_off_most);
  farm.wakes.insert(unseen.not_before);
  sort_trouble(farm, phase, task);
  if (unseen.looks >= farm.settings.returns_max) hold_if_all_aside(farm, job, phase.plan->layer, code, message);
}

base::Duration note_publish_failed(FarmState& farm, JobEntry& job, std::uint32_t layer, const std::string& code,
                                   const std::string& message) {
  PublishTrouble& trouble = job.publish_troubles[layer];
  trouble.code = code;
  trouble.message = message;
  if (farm.now() >= trouble.next) {
    if (trouble.failures++ == 0) trouble.since = farm.turn.now.wall;
    trouble.next =
        farm.now() + pause_after(trouble.failures, farm.settings.back_off_first, farm.settings.back_off_most);
    if (trouble.failures == farm.settings.returns_max)
      say_layer(
          farm, job, layer, {}, LayerEvent::What::Stuck,
          fmt::format("files of {} do not get their names: {}", text_of(job, layer), failure_text(code, message)));
  }
  return trouble.next - farm.now();
}

void note_published(FarmState& farm, JobEntry& job, std::uint32_t layer) {
  const auto trouble = job.publish_troubles.find(layer);
  if (trouble == job.publish_troubles.end()) return;
  if (trouble->second.failures >= farm.settings.returns_max)
    say_layer(farm, job, layer, {}, LayerEvent::What::Resumed,
              fmt::format("files of {} get their names again", text_of(job, layer)));
  job.publish_troubles.erase(trouble);
}

void blame_worker(FarmState& farm, WorkerEntry& worker, JobId job, const std::string& fault) {
  auto& blamed = worker.record.blamed_jobs;
  if (worker.record.quarantined || std::find(blamed.begin(), blamed.end(), job) != blamed.end()) return;
  blamed.push_back(job);
  farm.turn.mark(worker);
  if (blamed.size() < farm.settings.worker_blame_max) return;
  const std::string why =
      fmt::format("work of jobs {} went wrong through this worker, the last: {}", jobs_text(blamed), fault);
  std::set<std::string> people;
  for (const JobId id : blamed)
    if (const JobEntry* entry = farm.jobs.find(id)) people.insert(entry->record.submitted.principal);
  if (people.size() < 2 && !others_are_able(farm, worker)) {
    farm.turn.say(WorkerEvent{WorkerEvent::What::Blamed, worker.record.id,
                              why + "; it stays in service, because nobody else could do what it does"});
    blamed.erase(blamed.begin());  // the newest speak
    return;
  }
  worker.record.quarantined = true;
  worker.record.last_change = {"scheduler", farm.turn.now.wall, why};
  start_pause(farm, worker, farm.settings.worker_probe);
  farm.on_worker_changed(worker);
  farm.turn.say(WorkerEvent{WorkerEvent::What::Quarantined, worker.record.id, why});
}

void on_worker_restarted(FarmState& farm, WorkerEntry& worker) {
  for (auto& [id, job] : farm.jobs.all())
    for (std::uint32_t layer = 0; !job.hosts.empty() && layer < job.record.spec->layers.size(); ++layer) {
      const auto found = job.hosts.find({layer, worker.record.id});
      // Work that takes the worker down with it must not be tried faster because of that.
      if (found != job.hosts.end() && found->second.code != text_of(jobs::AttemptError::WorkerLost) &&
          found->second.not_before > farm.now())
        wait_until(farm, found->second, farm.now());
    }
  if (worker.record.quarantined && !worker.probe_open && !worker.probe) {
    worker.probe_at = farm.now();
    farm.wakes.insert(worker.probe_at);
  }
}

bool forgive_layer(FarmState& farm, JobEntry& job, std::uint32_t layer) {
  const bool stuck = std::any_of(job.record.stuck.begin(), job.record.stuck.end(),
                                 [&](const StuckLayer& s) { return s.layer == layer; });
  std::erase_if(job.hosts, [&](const auto& host) { return host.first.first == layer; });
  for (PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != layer) continue;
    for (auto& [task, trouble] : phase.troubles) trouble.unseen.clear();
    sort_troubles(farm, phase);  // their share of the queue follows from what is known against them
  }
  release_layer(farm, job, layer);
  farm.match_wanted = true;
  return stuck;
}

void forget_standings(FarmState& farm, JobEntry& job) {
  // Those who watch see it at the workers that were set aside for the job.
  for (const auto& standing : job.hosts)
    if (WorkerEntry* worker = farm.workers.find(standing.first.second)) show_at_once(farm, *worker);
  job.hosts.clear();
  job.suspects.clear();
  farm.jobs_aside.erase(job.record.id);
  if (job.record.stuck.empty()) return;
  job.record.stuck.clear();
  farm.turn.mark(job);
}

void begin_probes(FarmState& farm) {
  for (auto& [id, worker] : farm.workers.all())
    if (worker.record.quarantined) start_pause(farm, worker, farm.settings.worker_probe);
}

void wake(FarmState& farm) {
  bool woken = false;
  while (!farm.wakes.empty() && *farm.wakes.begin() <= farm.now()) {
    farm.wakes.erase(farm.wakes.begin());
    woken = true;
  }
  if (!woken) return;
  farm.match_wanted = true;
  for (auto& [id, worker] : farm.workers.all()) {
    if (!worker.record.quarantined || worker.probe_open || worker.probe || worker.probe_at > farm.now()) continue;
    worker.probe_open = true;
    farm.on_worker_changed(worker);
  }
}

}  // namespace framemill::scheduler
