// Which phases have tasks to give out, by request class. The queue knows no policy: every place in it carries the share
// that its work is charged to and the rank that policy gave it there (policy/queue_order.h), and may be given others at
// any time. Derived; task_moves keeps it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>

#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

// Which of a phase's ready tasks: those that had trouble go one by one, those that may have killed an executor alone in
// their slot.
enum class Grouping : std::uint8_t { Single, Common, Alone };

struct Place {  // what waits in the queue: the ready tasks of one grouping of a phase
  JobId job;
  jobs::PhaseIndex phase = 0;
  Grouping grouping = Grouping::Common;
  auto operator<=>(const Place&) const = default;
};

// Compared number by number, the smaller goes first; what the numbers mean is the affair of who gave them.
using Rank = std::array<std::int64_t, 4>;

struct Standing {  // of a place, as policy has it
  ShareId share;
  Rank rank{};
  auto operator<=>(const Standing&) const = default;
};

class ReadyQueue {
 public:
  // The place now has that many tasks, for this class, and this standing; 0 takes it out. One that was there with
  // another class or standing moves.
  struct Change {
    bool any = false;    // of its tasks
    bool moved = false;  // it came, went, or stands elsewhere now
    ShareId left;        // the share that it is no longer charged to; none: it stays there, or was nowhere
  };
  Change set(const Place& place, ClassId demand, const Standing& standing, std::uint32_t tasks);
  Change erase(const Place& place);

  struct Ranked {  // in the order of ranks; equal ones by place, so that the order is always the same
    Rank rank{};
    Place place;
    auto operator<=>(const Ranked&) const = default;
  };
  using Line = std::map<Ranked, std::uint32_t>;  // tasks
  struct Class {
    std::map<ShareId, Line> shares;  // none empty
    std::uint64_t tasks = 0;
    bool operator==(const Class&) const = default;
  };
  const std::map<ClassId, Class>& classes() const { return classes_; }  // only those that have tasks
  std::uint64_t tasks_of(ClassId demand) const;
  struct Share {
    std::map<ClassId, const Line*> lines;  // its own in each class
    std::uint64_t tasks = 0;
  };
  const std::map<ShareId, Share>& shares() const { return shares_; }  // only those that have tasks
  std::uint64_t tasks_of(ShareId share) const;
  bool operator==(const ReadyQueue& other) const { return classes_ == other.classes_; }

 private:
  struct Position {
    ClassId demand = 0;
    Standing standing;
    auto operator<=>(const Position&) const = default;
  };
  void remove(std::map<Place, Position>::iterator at);

  std::map<ClassId, Class> classes_;
  std::map<ShareId, Share> shares_;
  std::map<Place, Position> positions_;
};

}  // namespace framemill::scheduler
