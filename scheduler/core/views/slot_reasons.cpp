#include "scheduler/core/views/slot_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/failure_text.h"
#include "scheduler/core/policy/maintenance.h"
#include "scheduler/core/policy/publish_servers.h"
#include "scheduler/core/policy/reason.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kExamplesMax = 4;

// Until when the lease keeps its slot, as far as the pace of its work tells.
std::string about_how_long(const FarmState& farm, const Lease& lease) {
  const PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  const auto seconds = farm.pace.seconds(phase.pace, lease.record.device_class);
  if (!seconds) return "";
  return fmt::format(" for about {} s", std::max<long>(1, std::lround(*seconds * std::max(lease.left, 1u))));
}

std::string holder_text(const FarmState& farm, const SlotEntry& slot) {
  if (slot.leases.empty()) return "work";
  const Lease& lease = farm.leases.get(*slot.leases.begin());
  const JobEntry& job = farm.jobs.get(lease.record.phase.job);
  return fmt::format("job {} {}{}", job.record.id.value, job.label_of(job.phases[lease.record.phase.index]),
                     about_how_long(farm, lease));
}

// Who holds the memory of the slot's device.
std::string device_holder(const FarmState& farm, const WorkerEntry& worker, const SlotEntry& slot) {
  for (const auto& [index, other] : worker.slots)
    if (other.state.device == slot.state.device && !other.leases.empty()) return holder_text(farm, other);
  return "work";
}

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

// The slot could run the task, and is meant to become free for work that goes before.
std::string because_kept_free(const FarmState& farm, const Place& place) {
  const JobEntry& job = farm.jobs.get(place.job);
  return fmt::format("kept free for job {} {}, which goes before", place.job.value,
                     job.label_of(job.phases[place.phase]));
}

// The worker drains before the task would be over.
std::string because_of_maintenance(const FarmState& farm, const PhaseEntry& phase, const WorkerEntry& worker,
                                   const SlotEntry& slot) {
  const DeviceState* device = worker.device_of(slot);
  const auto seconds = farm.pace.seconds(phase.pace, device == nullptr ? std::string() : device->device_class);
  std::string text = fmt::format("the worker drains in {}",
                                 seconds_text({worker.record.drain_at.unix_ms - farm.turn.now.wall.unix_ms}));
  if (!worker.record.drain_planned.reason.empty()) text += fmt::format(" ({})", worker.record.drain_planned.reason);
  return text + fmt::format("; a task takes about {} s", std::max<long>(1, std::lround(seconds.value_or(0))));
}

// Why the worker does not get the task, which it could take.
std::string because_avoided(const Avoidance& avoided, const PhaseEntry& phase, TaskIndex task, base::Instant now) {
  switch (avoided.why) {
    case Avoidance::Why::BackOff:
      return fmt::format("{}; tried again there in {}", failure_text(avoided.standing->code, avoided.standing->message),
                         seconds_text(avoided.until - now));
    case Avoidance::Why::Aside:
      return fmt::format("the worker gets no more of this layer: {}{}; one task is tried there in {}",
                         failure_text(avoided.standing->code, avoided.standing->message),
                         avoided.standing->by_failures ? "; it succeeds elsewhere" : "",
                         seconds_text(avoided.until - now));
    case Avoidance::Why::OnTrial:
      return failure_text(avoided.standing->code, avoided.standing->message) + "; one task is tried there first";
    case Avoidance::Why::Unseen:
      return fmt::format("{}; looked for again there in {}", phase.troubles.at(task).record.last_message,
                         seconds_text(avoided.until - now));
    case Avoidance::Why::Elsewhere:
      return fmt::format("it failed there ({}) and is tried on another worker",
                         phase.troubles.at(task).record.last_code);
    case Avoidance::Why::None:
      break;
  }
  return "";
}

PlacementBlocker misfit_of(Avoidance::Why why) {
  switch (why) {
    case Avoidance::Why::BackOff:
    case Avoidance::Why::OnTrial:
      return PlacementBlocker::BackingOff;
    case Avoidance::Why::Aside:
      return PlacementBlocker::SetAside;
    case Avoidance::Why::Unseen:
      return PlacementBlocker::InputUnseen;
    case Avoidance::Why::Elsewhere:
      return PlacementBlocker::TriedElsewhere;
    case Avoidance::Why::None:
      break;
  }
  return PlacementBlocker::None;
}

// What the worker's own attempts found wrong with its host, or with the root there.
std::optional<std::string> host_trouble(const WorkerEntry& worker, const std::string& root) {
  for (const HostCondition& condition : worker.inventory.conditions)
    if (condition.root == root)
      return fmt::format("the host has a problem and is retried after a pause: {}: {}", condition.code,
                         condition.message);
  return std::nullopt;
}

// What is wrong with the roots that the worker cannot serve.
std::string roots_text(const Demand& demand, const WorkerEntry& worker) {
  std::string text;
  for (const std::string& root : demand.roots) {
    if (root == demand.written_root ? worker.sees_root(root) : worker.reads_root(root)) continue;
    if (!text.empty()) text += "; ";
    const auto& roots = worker.inventory.roots;
    const auto seen = std::find_if(roots.begin(), roots.end(), [&](const RootSeen& r) { return r.name == root; });
    if (seen == roots.end())
      text += "the worker does not have root " + root;
    else if (const auto trouble = host_trouble(worker, root))
      text += *trouble;
    else if (const auto host = host_trouble(worker, ""); host && seen->problem.empty())
      text += *host;
    else if (seen->read_only)
      text += "the worker may only read root " + root;
    else if (!seen->problem.empty())
      text += seen->problem;
    else
      text += fmt::format("the worker does not see root {}, or may not write there", root);
  }
  return text;
}

std::string because(const FarmState& farm, const Demand& demand, const WorkerEntry& worker, const SlotEntry& slot,
                    PlacementBlocker blocker) {
  switch (blocker) {
    case PlacementBlocker::None:
      return "the slot is free and next in line";
    case PlacementBlocker::Silent:
      return "the worker is silent";
    case PlacementBlocker::GrantMissed:
      return "a grant could not be sent to the worker; waiting for its next report";
    case PlacementBlocker::NotKnown:
      return "waiting for the worker's inventory";
    case PlacementBlocker::Revoked:
      return "the worker was removed by an administrator";
    case PlacementBlocker::SlotUnusable:
      return host_trouble(worker, "").value_or("the slot's executor cannot start");
    case PlacementBlocker::WorkerQuarantined:
      return "the worker is in quarantine: " + worker.record.last_change.reason;
    case PlacementBlocker::Draining:
      return worker.record.drain_requested ? "the worker is being drained: " + worker.record.last_change.reason
                                           : "the worker is stopping, or has stopped";
    case PlacementBlocker::PackageMissing:
      return "the worker does not hold " + demand.model;
    case PlacementBlocker::PackageDiffers:
      return fmt::format("the worker holds {} with another digest", demand.model);
    case PlacementBlocker::DeviceKind:
      return demand.device == jobs::DevicePreference::Cuda ? "the layer needs a CUDA device"
                                                           : "the layer needs a CPU device";
    case PlacementBlocker::DeviceClass:
      return "the variant stays on device class " + demand.device_class;
    case PlacementBlocker::Memory: {
      const DeviceState* device = worker.device_of(slot);
      const jobs::MemoryRow row = farm.memory.row(demand.model_digest, demand.cpu_memory, demand.cuda_memory,
                                                  demand.device_memory_bytes, *device);
      return fmt::format("one window needs {}, the device has {}",
                         mebibytes(std::max(jobs::booking_bytes(row, 1), demand.device_memory_bytes)),
                         mebibytes(device->memory_bytes_budget));
    }
    case PlacementBlocker::HostMemory:
      return fmt::format("the layer needs {} of host memory", mebibytes(demand.host_memory_bytes));
    case PlacementBlocker::Cpus:
      return fmt::format("the layer needs {} CPUs", demand.cpus);
    case PlacementBlocker::Program:
      // A worker that refuses commands offers none, whatever it lists.
      return worker.inventory.command_confinement == jobs::CommandConfinement::Refused
                 ? "the worker refuses commands, because it cannot confine them: " + worker.inventory.confinement
                 : "the worker's configuration does not list the program " + demand.program;
    case PlacementBlocker::Media:
      return "the worker cannot encode movies or draw sheets";
    case PlacementBlocker::Root:
      return roots_text(demand, worker);
    case PlacementBlocker::LeaseCap:
      return fmt::format("the slot holds {} leases, the maximum", slot.leases.size());
    case PlacementBlocker::PublishCap:
      return fmt::format("files of {} tasks there, {} in the whole farm, wait for their names",
                         farm.duties.of(worker.record.id).size(), farm.duties.all().size());
    case PlacementBlocker::ExclusiveHeld:
    case PlacementBlocker::Occupied:
    case PlacementBlocker::BatchFull:
      return "busy with " + holder_text(farm, slot);
    case PlacementBlocker::MemoryBooked:
      return "the device's memory is booked by " + device_holder(farm, worker, slot);
    case PlacementBlocker::KeptFree:
    case PlacementBlocker::BackingOff:
    case PlacementBlocker::TriedElsewhere:
    case PlacementBlocker::InputUnseen:
    case PlacementBlocker::SetAside:
    case PlacementBlocker::Maintenance:
      break;  // because_of_maintenance, because_kept_free and because_avoided tell
    case PlacementBlocker::Limited:
      return "a limit is used up, and the slot does not use it";
    case PlacementBlocker::ShareCapped:
      return "its share has reached its cap, and the slot does not hold work of it";
  }
  return "";
}

std::string remedy(const Demand& demand, const WorkerEntry& worker, PlacementBlocker blocker) {
  switch (reason_of(blocker)) {
    case Reason::NoWorker:
      return blocker == PlacementBlocker::SlotUnusable ? "check the worker's log"
             : blocker == PlacementBlocker::Revoked    ? "to readmit the host, enrol a new key"
                                                       : "start the worker, or find out why it is silent";
    case Reason::Quarantined:
      return blocker == PlacementBlocker::SetAside
                 ? "find the fault on that host; it is retried there automatically"
                 : "find the fault on that host; a task is tried there after a while, or clear its "
                   "quarantine";
    case Reason::BackOff:
      return "nothing; it is retried automatically";
    case Reason::InputMissing:
      return "see that the input is on the worker's storage";
    case Reason::WorkerDraining:
      return worker.record.drain_requested ? "undrain the worker" : "start the worker again";
    case Reason::MaintenanceWindow:
      return fmt::format("wait for another worker, or cancel the plan with `framemill undrain {}`", worker.record.name);
    case Reason::PackageMissing:
      return fmt::format("install {} in the worker's model directory", demand.model);
    case Reason::PackageDiffers:
      return fmt::format("give the worker the same {} as the scheduler, or submit again", demand.model);
    case Reason::NeedsExceedEverySlot:
      return blocker == PlacementBlocker::Program &&
                     worker.inventory.command_confinement == jobs::CommandConfinement::Refused
                 ? "see [confinement] in the page on worker.toml"
             : blocker == PlacementBlocker::Program ? "list the program under [commands] of a worker.toml"
             : blocker == PlacementBlocker::Media
                 ? "install framemill-media beside a worker, or name it there with `media`"
             : blocker == PlacementBlocker::DeviceClass ? "bring back a worker of that class, or submit a new version"
                                                        : "lower the layer's needs, or add a worker that meets them";
    case Reason::StorageUnreachable:
      if (!worker.inventory.conditions.empty())
        return "put that host or its storage right: it gets work again by itself after a pause";
      return "list the root in the worker.toml, mount it, and see that its marker file is in place and writable for "
             "the worker's user; the worker's log says what is wrong";
    case Reason::CapReached:
      return blocker == PlacementBlocker::PublishCap ? "wait; if it lasts, see why the worker's storage is slow"
                                                     : "wait for a lease to end";
    case Reason::MemoryBooked:
      return "wait for that work, or add a device";
    case Reason::Limit:
      return "wait, or raise the limit";
    case Reason::ShareCap:
      return "wait, or raise the cap: `framemill shares` shows it";
    default:
      return blocker == PlacementBlocker::None ? "nothing: it starts at once"
                                               : "wait, raise the priority, or add a worker";
  }
}

}  // namespace

std::string seconds_text(base::Duration left) {
  return fmt::format("{} s", std::max<std::int64_t>((left.ms + 999) / 1000, 1));
}

namespace {

// The slots' answers to one task, each with its reason.
struct TaskAnswers {
  const FarmState& farm;
  const Demand& demand;
  const JobEntry& job;
  const PhaseEntry& phase;
  TaskIndex task;
  base::Instant now;
  const Planner* planner;
  SlotAnswers answers;

  // The standing answer first: a slot that could never take it is not told as busy.
  PlacementBlocker of(const WorkerEntry& worker, const SlotEntry& slot, const Avoidance& avoided) const {
    if (const PlacementBlocker standing = standing_misfit(farm.memory, demand, worker, slot);
        standing != PlacementBlocker::None)
      return standing;
    if (!avoided.none()) return misfit_of(avoided.why);
    const SlotFit fit = answers.now(worker, slot);
    if (!fit.fits()) return fit.blocker;
    if (tasks_before_drain(farm, phase, worker, slot, fit.capacity) == 0) return PlacementBlocker::Maintenance;
    if (at_publish_cap(farm, worker.record.id)) return PlacementBlocker::PublishCap;
    const SlotRef ref{worker.record.id, slot.state.index};
    if (farm.limits.in_the_way(demand, ref)) return PlacementBlocker::Limited;
    if (farm.caps.in_the_way(farm.shares, job.share, ref)) return PlacementBlocker::ShareCapped;
    return kept_free_for(worker, slot) == nullptr ? PlacementBlocker::None : PlacementBlocker::KeptFree;
  }
  SlotReason reason(const WorkerEntry& worker, const SlotEntry& slot, const Avoidance& avoided,
                    PlacementBlocker blocker) const {
    std::string text;
    if (blocker == PlacementBlocker::KeptFree)
      text = because_kept_free(farm, *kept_free_for(worker, slot));
    else if (blocker == PlacementBlocker::Maintenance)
      text = because_of_maintenance(farm, phase, worker, slot);
    else if (blocker != PlacementBlocker::None && blocker == misfit_of(avoided.why))
      text = because_avoided(avoided, phase, task, now);
    else
      text = because(farm, demand, worker, slot, blocker);
    return {reason_of(blocker), 0, {}, std::move(text), remedy(demand, worker, blocker)};
  }

 private:
  const Place* kept_free_for(const WorkerEntry& worker, const SlotEntry& slot) const {
    return planner == nullptr ? nullptr : planner->kept_free_for({worker.record.id, slot.state.index});
  }
};

}  // namespace

SlotReasons slot_reasons(const FarmState& farm, ClassId demand_class, const JobEntry& job, const PhaseEntry& phase,
                         TaskIndex task, base::Instant now, const Planner* planner) {
  const Demand& demand = farm.classes.of(demand_class);
  const Judges judges(farm, job, phase.plan->layer, demand_class);
  const TaskAnswers answers{
      farm, demand, job,     phase,
      task, now,    planner, SlotAnswers(farm, demand_class, able_groups(farm, demand_class).slots)};
  SlotReasons found;
  bool any = false, hope = false;
  std::vector<PlacementBlocker> kinds;  // of found.reasons
  for (const auto& [id, worker] : farm.workers.all()) {
    const Avoidance avoided = task_avoidance(farm, job, phase, task, id, judges);
    for (const auto& [index, slot] : worker.slots) {
      any = true;
      const PlacementBlocker blocker = answers.of(worker, slot, avoided);
      hope = hope || !is_permanent(blocker);
      const auto same = std::find(kinds.begin(), kinds.end(), blocker);
      const auto at = static_cast<std::size_t>(same - kinds.begin());
      if (same == kinds.end()) {
        kinds.push_back(blocker);
        found.reasons.push_back(answers.reason(worker, slot, avoided, blocker));
      }
      SlotReason& reason = found.reasons[at];
      ++reason.slots;
      if (reason.examples.size() < kExamplesMax)
        reason.examples.push_back(fmt::format("{}/{}", worker.record.name, slot.state.name));
    }
  }
  std::stable_sort(found.reasons.begin(), found.reasons.end(),
                   [](const SlotReason& a, const SlotReason& b) { return a.slots > b.slots; });
  if (!any) found.reasons.push_back({Reason::NoWorker, 0, {}, "no worker with a slot has connected", "start a worker"});
  found.never = any && !hope;
  return found;
}

}  // namespace framemill::scheduler
