#include "scheduler/core/policy/chunking.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "jobs/command_tokens.h"
#include "scheduler/core/policy/readiness.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

constexpr double kShortest_s = 0.25, kLongest_s = 30;  // of a chunk
constexpr std::uint32_t kChunksPerSlot = 20;
constexpr std::uint32_t kTasksMax = 4096;  // files of a commit message are limited

// Seconds before the phase's first task could begin there: until its model is loaded.
double load_seconds(const FarmState& farm, const PhaseEntry& phase, const WorkerEntry& worker, std::uint32_t slot) {
  const double seconds = farm.pace.load_seconds(phase.pace);
  const auto there = worker.slots.find(slot);
  if (seconds == 0 || there == worker.slots.end()) return 0;
  return holds(there->second, farm.classes.of(phase.common_class).model_digest) ? 0 : seconds;
}

// Tasks that a lease of the phase should take when `left` remain.
std::uint32_t target_chunk(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, std::uint32_t left,
                           std::uint32_t slots, const WorkerEntry& worker, std::uint32_t slot) {
  // What a remake makes again is kept or dropped by itself, and with it its staging directory.
  if (job.record.remake_of && !phase.plan->traits().intermediate) return 1;
  const jobs::LayerSpec& layer = job.layer_of(phase);
  if (layer.chunk) return std::clamp(*layer.chunk, 1u, kTasksMax);
  slots = std::max(slots, 1u);
  const auto usual = farm.pace.seconds(phase.pace, worker.device_class_of(slot));
  // The first task of its kind goes alone, to be measured; a chain leaves nothing to others by taking one more.
  if (!usual) return phase.chain ? std::min(left, 2u) : 1;
  const double here = *usual * farm.pace.slowness(worker.record.id);
  const double floor_tasks = kShortest_s / here, most_tasks = kLongest_s / here;
  double wished = most_tasks;
  if (!phase.chain) {
    const double share = std::min(static_cast<double>(phase.tasks.size()) / (kChunksPerSlot * slots),
                                  static_cast<double>(left) / (2.0 * slots));
    // A slot's share is time, of which a faster device makes more tasks, and a load takes its part.
    const double share_s = share * *farm.pace.seconds(phase.pace) - load_seconds(farm, phase, worker, slot);
    wished = std::min(std::max(share_s / here, std::min(floor_tasks, static_cast<double>(left) / slots)), most_tasks);
  }
  return static_cast<std::uint32_t>(std::clamp(std::floor(wished), 1.0, static_cast<double>(kTasksMax)));
}

bool is_common(const PhaseEntry& phase, TaskIndex task) {
  const auto trouble = phase.troubles.find(task);
  return trouble == phase.troubles.end() || trouble->second.wanted_grouping() == Grouping::Common;
}

// The first run of ready tasks of the common grouping, at most `most` long.
TaskRange common_run(const PhaseEntry& phase) {
  TaskIndex from = 0;
  while (const auto ready = phase.tasks.next_ready(from)) {
    TaskIndex at = ready->first;
    auto trouble = phase.troubles.lower_bound(at);
    while (at < ready->end() && trouble != phase.troubles.end() && trouble->first == at &&
           trouble->second.grouping != Grouping::Common) {
      ++at;
      ++trouble;
    }
    if (at < ready->end()) {
      while (trouble != phase.troubles.end() && trouble->first < ready->end() &&
             trouble->second.grouping == Grouping::Common)
        ++trouble;
      const TaskIndex end = trouble == phase.troubles.end() ? ready->end() : std::min(ready->end(), trouble->first);
      return {at, end - at};
    }
    from = ready->end();
  }
  FM_CHECK(false, "a queue with tasks for a phase that has none");
  return {};
}

// A program that is given its frames as first to last would render what lies in a gap: such a chunk ends there.
std::uint32_t one_run(const JobEntry& job, const PhaseEntry& phase, TaskRange chunk) {
  return jobs::tasks_in_one_run(job.layer_of(phase), *phase.plan, chunk.first, chunk.count);
}

}  // namespace

TaskRange next_chunk(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, std::uint32_t slots,
                     const WorkerEntry& worker, std::uint32_t slot) {
  TaskRange chunk = common_run(phase);
  if (!phase.chain) {
    const std::uint32_t wished = target_chunk(farm, job, phase, phase.ready_common(), slots, worker, slot);
    chunk.count = one_run(job, phase, {chunk.first, std::min(chunk.count, wished)});
    return chunk;
  }
  // A chain goes on through tasks that wait only for their forerunners in this very lease.
  const std::uint32_t left = phase.tasks.count(TaskState::Ready) + phase.tasks.count(TaskState::Waiting);
  const std::uint32_t wished = target_chunk(farm, job, phase, left, slots, worker, slot);
  chunk.count = 1;
  while (chunk.count < wished && chunk.end() < phase.tasks.size()) {
    const TaskIndex next = chunk.end();
    const TaskState state = phase.tasks.at(next);
    if ((state != TaskState::Waiting && state != TaskState::Ready) || !is_common(phase, next) ||
        !needs_met(job, phase, next, chunk))
      break;
    ++chunk.count;
  }
  return chunk;
}

}  // namespace framemill::scheduler
