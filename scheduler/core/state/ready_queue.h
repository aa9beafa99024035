// Which phases have tasks to give out, by request class and in the order of policy: priority, then the oldest job, then
// the longest way to the job's end (chains first). Derived; task_moves keeps it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

// Which of a phase's ready tasks: those that had trouble go one by one, those that may have killed an executor alone in
// their slot.
enum class Share : std::uint8_t { Single, Common, Alone };

struct Place {  // the order of the queue
  std::int32_t priority = 0;
  JobId job;
  std::uint32_t depth = 0;
  jobs::PhaseIndex phase = 0;
  Share share = Share::Common;

  std::strong_ordering operator<=>(const Place& o) const {
    if (priority != o.priority) return o.priority <=> priority;
    if (job != o.job) return job <=> o.job;
    if (depth != o.depth) return o.depth <=> depth;
    if (phase != o.phase) return phase <=> o.phase;
    return share <=> o.share;
  }
  bool operator==(const Place&) const = default;
};

class ReadyQueue {
 public:
  // The phase now has that many tasks for the class; 0 takes it out.
  void set(ClassId demand, const Place& place, std::uint32_t tasks);

  struct Class {
    std::map<Place, std::uint32_t> places;
    std::uint64_t tasks = 0;
  };
  const std::map<ClassId, Class>& classes() const { return classes_; }  // only those that have tasks
  std::uint64_t tasks_of(ClassId demand) const;
  bool operator==(const ReadyQueue& other) const;

 private:
  std::map<ClassId, Class> classes_;
};

}  // namespace framemill::scheduler
