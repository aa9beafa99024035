#include "scheduler/core/state/ready_queue.h"

namespace framemill::scheduler {

ReadyQueue::Change ReadyQueue::set(const Place& place, ClassId demand, const Standing& standing, std::uint32_t tasks) {
  const Position position{demand, standing};
  const auto before = positions_.find(place);
  Change change;
  if (before != positions_.end() && (tasks == 0 || before->second != position)) {
    change = {true, true, before->second.standing.share};
    remove(before);
  } else if (before == positions_.end()) {
    change.moved = tasks > 0;
  }
  if (tasks == 0) return change;
  if (change.moved) positions_.insert_or_assign(place, position);
  Class& queue = classes_[demand];
  Line& line = queue.shares[standing.share];
  std::uint32_t& counted = line[{standing.rank, place}];
  Share& share = shares_[standing.share];
  if (change.moved) share.lines.insert_or_assign(demand, &line);
  change.any = change.any || counted != tasks;
  if (change.left == standing.share) change.left = {};
  for (std::uint64_t* sum : {&queue.tasks, &share.tasks}) *sum = *sum + tasks - counted;
  counted = tasks;
  return change;
}

ReadyQueue::Change ReadyQueue::erase(const Place& place) {
  const auto at = positions_.find(place);
  if (at == positions_.end()) return {};
  const Change change{true, true, at->second.standing.share};
  remove(at);
  return change;
}

void ReadyQueue::remove(std::map<Place, Position>::iterator at) {
  const auto& [place, position] = *at;
  const auto entry = classes_.find(position.demand);
  Class& queue = entry->second;
  const auto line = queue.shares.find(position.standing.share);
  const auto share = shares_.find(position.standing.share);
  const auto waiting = line->second.find({position.standing.rank, place});
  queue.tasks -= waiting->second;
  share->second.tasks -= waiting->second;
  line->second.erase(waiting);
  if (line->second.empty()) {
    share->second.lines.erase(position.demand);
    queue.shares.erase(line);
  }
  if (share->second.lines.empty()) shares_.erase(share);
  if (queue.shares.empty()) classes_.erase(entry);
  positions_.erase(at);
}

std::uint64_t ReadyQueue::tasks_of(ClassId demand) const {
  const auto entry = classes_.find(demand);
  return entry == classes_.end() ? 0 : entry->second.tasks;
}

std::uint64_t ReadyQueue::tasks_of(ShareId share) const {
  const auto entry = shares_.find(share);
  return entry == shares_.end() ? 0 : entry->second.tasks;
}

}  // namespace framemill::scheduler
