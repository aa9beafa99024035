#include "scheduler/core/state/ready_queue.h"

namespace framemill::scheduler {

void ReadyQueue::set(const Place& place, ClassId demand, const Standing& standing, std::uint32_t tasks) {
  const Position position{demand, standing};
  const auto before = positions_.find(place);
  if (before != positions_.end() && (tasks == 0 || before->second != position)) remove(before);
  if (tasks == 0) return;
  positions_.insert_or_assign(place, position);
  Class& queue = classes_[demand];
  std::uint32_t& counted = queue.shares[standing.share][{standing.rank, place}];
  queue.tasks += tasks;
  queue.tasks -= counted;
  counted = tasks;
}

void ReadyQueue::erase(const Place& place) {
  if (const auto at = positions_.find(place); at != positions_.end()) remove(at);
}

void ReadyQueue::remove(std::map<Place, Position>::iterator at) {
  const auto& [place, position] = *at;
  const auto entry = classes_.find(position.demand);
  Class& queue = entry->second;
  const auto share = queue.shares.find(position.standing.share);
  const auto waiting = share->second.find({position.standing.rank, place});
  queue.tasks -= waiting->second;
  share->second.erase(waiting);
  if (share->second.empty()) queue.shares.erase(share);
  if (queue.shares.empty()) classes_.erase(entry);
  positions_.erase(at);
}

std::uint64_t ReadyQueue::tasks_of(ClassId demand) const {
  const auto entry = classes_.find(demand);
  return entry == classes_.end() ? 0 : entry->second.tasks;
}

}  // namespace framemill::scheduler
