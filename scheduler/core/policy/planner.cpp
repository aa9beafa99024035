#include "scheduler/core/policy/planner.h"

#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/chunking.h"
#include "scheduler/core/policy/maintenance.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
// A grant pins a variant: its places went to other classes, where they may stand before those that were passed over.
void Planner::notice_class_moves() {
  if (class_moves_ != farm_.class_moves) {
    resume_.clear();
    idle_.clear();
  }
  class_moves_ = farm_.class_moves;
}

bool Planner::has_more() {
  notice_class_moves();
  return next_work().has_value();
}

std::optional<Placement> Planner::next() {
  notice_class_moves();
  if (farm_at_publish_cap(farm_)) return std::nullopt;
  while (const auto work = next_work()) {
    const ClassId demand_class = work->demand_class;
    const ReadyQueue::Ranked first = *work->first;
    const LineId line{demand_class, work->share};
    const Place& place = first.place;
    const JobEntry& job = farm_.jobs.get(place.job);
    const PhaseEntry& phase = job.phases[place.phase];
    const Judges judges(farm_, job, phase.plan->layer, demand_class);
    const SlotChoice::TaskThere task_of = [&](WorkerId worker) {
      return task_there(job, phase, place, worker, judges);
    };
    std::optional<SlotChoice> choice;
    if (!work->is_closed) choice.emplace(farm_, phase, demand_class, reserved_, task_of);
    const std::uint32_t able = slots_at_most(farm_, demand_class, work->share);
    if (choice && choice->best()) {
      const auto& best = *choice->best();
      return Placement{place, demand_class, tasks_for(place, best.task, best.slot, able), best.slot, best.fit, {}};
    }
    const bool others_give_way = !is_limited(demand_class) && may_displace_any(place);
    if (const auto other = others_give_way ? displacement(phase, demand_class, task_of) : std::nullopt) {
      idle_.clear();  // what gives way is ready again, and may leave a limit to others
      closed_.clear();
      over_.clear();
      return Placement{place,       demand_class, tasks_for(place, other->task, other->slot, able),
                       other->slot, {},           other->attempt};
    }
    if (const auto slot = choice ? choice->worth_waiting() : std::nullopt) reserved_.emplace(*slot, place);
    if (!choice || !choice->avoided()) {
      // Others may still find a slot that this share may not use.
      if (!farm_.caps.reached(farm_.shares, work->share)) closed_.insert(demand_class);
      over_.insert(line);
    } else {
      passed_over_[line].insert(first);
      resume_.insert_or_assign(line, first);
    }
    was_cut_ = is_over_ && is_over_();
    if (was_cut_) return std::nullopt;
  }
  return std::nullopt;
}

// The first, in the order of policy, that may find a slot in this turn.
std::optional<Planner::Work> Planner::next_work() {
  if (!slot_groups(farm_).any_open() && !any_may_displace(farm_)) return std::nullopt;
  std::optional<Work> found;
  farm_.shares.each_in_turn(
      [&](ShareId leaf) {
        found = first_of(leaf);
        if (!found) idle_.insert(leaf);
        return found.has_value();
      },
      [&](ShareId node) { return idle_.contains(node); });
  return found;
}

// A grant only fills slots, so a class without an open one is closed for the rest of the turn: what is ready of it needs
// others to give way.
bool Planner::is_closed(ClassId demand_class) {
  if (closed_.contains(demand_class)) return true;
  if (slot_groups(farm_).any_open() && has_open_slot(farm_, demand_class)) return false;
  closed_.insert(demand_class);
  return true;
}

// The first of a share that is not passed over, of a class that has an open slot or may take the place of others.
std::optional<Planner::Work> Planner::first_of(ShareId share) {
  std::optional<Work> best;
  const auto ready = farm_.ready.shares().find(share);
  if (ready == farm_.ready.shares().end()) return best;
  const bool capped = static_cast<bool>(farm_.caps.reached(farm_.shares, share));
  for (const auto& [demand_class, line] : ready->second.lines) {
    const bool limited = is_limited(demand_class);
    if ((limited || capped) && farm_.classes.of(demand_class).exclusive)
      continue;  // a slot that it could share has no room for it
    const bool closed = is_closed(demand_class);
    if (closed && limited) continue;
    if ((closed || capped) && over_.contains({demand_class, share})) continue;
    if (closed && (displacements_left_ == 0 || !any_may_displace(farm_, share))) continue;
    const auto first =
        passed_over_.empty() && resume_.empty() ? line->begin() : first_not_passed_over({demand_class, share}, *line);
    if (first == line->end() || (best && *best->first < first->first)) continue;
    if (closed && !may_displace_any(first->first.place)) continue;
    best = Work{demand_class, share, &first->first, closed};
  }
  return best;
}

// Without a look at any slot.
bool Planner::is_limited(ClassId demand_class) const {
  return farm_.limits.any_used_up() && farm_.limits.used_up(demand_class, farm_.classes.of(demand_class)) != nullptr;
}

bool Planner::may_displace_any(const Place& place) const {
  const JobEntry& job = farm_.jobs.get(place.job);
  return displacements_left_ > 0 && scheduler::may_displace_any(farm_, job, job.phases[place.phase]);
}

std::optional<Displacement> Planner::displacement(const PhaseEntry& phase, ClassId demand_class,
                                                  const SlotChoice::TaskThere& task_there) {
  --displacements_left_;
  const ShareId share = farm_.jobs.get(phase.id.job).share;
  const auto [leases, is_new] = displaceable_.try_emplace(share);
  if (is_new) leases->second = displaceable_leases(farm_, share);
  const auto found = displacement_for(farm_, leases->second, phase, demand_class, reserved_, task_there);
  if (found && found->attempt == leases->second.back()) displaceable_.erase(leases);  // there may be more behind it
  return found;
}

ReadyQueue::Line::const_iterator Planner::first_not_passed_over(const LineId& name,
                                                                const ReadyQueue::Line& line) const {
  const auto resume = resume_.find(name);
  auto first = resume == resume_.end() ? line.begin() : line.upper_bound(resume->second);
  if (const auto passed = passed_over_.find(name); passed != passed_over_.end())
    while (first != line.end() && passed->second.contains(first->first)) ++first;
  return first;
}

TaskRange Planner::tasks_for(const Place& place, TaskIndex task, SlotRef slot, std::uint32_t able) const {
  if (place.grouping != Grouping::Common) return {task, 1};
  const JobEntry& job = farm_.jobs.get(place.job);
  const PhaseEntry& phase = job.phases[place.phase];
  const WorkerEntry& worker = farm_.workers.get(slot.worker);
  TaskRange tasks = next_chunk(farm_, job, phase, able, worker, slot.slot);
  // What goes on after a planned drain is not begun there; the slot was chosen because a task fits.
  const SlotEntry& place_there = worker.slots.at(slot.slot);
  tasks.count = std::min(tasks.count, std::max(tasks_before_drain(farm_, phase, worker, place_there, 1), 1u));
  // A probe risks one task.
  const HostStanding* standing = standing_of(job, phase.plan->layer, slot.worker);
  if (worker.record.quarantined || (standing != nullptr && standing->on_trial())) tasks.count = 1;
  return tasks;
}

// The first task of the place that the worker may have. In one turn tasks only leave a grouping, so the search goes on
// where it ended.
std::optional<TaskIndex> Planner::task_there(const JobEntry& job, const PhaseEntry& phase, const Place& place,
                                             WorkerId worker, const Judges& judges) {
  if (place.grouping == Grouping::Common) return task_for(farm_, job, phase, place.grouping, worker, judges, 0);
  const std::tuple key{phase.id, place.grouping, worker};
  const auto from = search_from_.find(key);
  const auto task =
      task_for(farm_, job, phase, place.grouping, worker, judges, from == search_from_.end() ? 0 : from->second);
  search_from_.insert_or_assign(key, task.value_or(phase.tasks.size()));
  return task;
}

const Place* Planner::kept_free_for(const SlotRef& slot) const {
  const auto reserved = reserved_.find(slot);
  return reserved == reserved_.end() ? nullptr : &reserved->second;
}

}  // namespace framemill::scheduler
