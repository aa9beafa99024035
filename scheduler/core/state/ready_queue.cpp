#include "scheduler/core/state/ready_queue.h"

namespace framemill::scheduler {

void ReadyQueue::set(ClassId demand, const Place& place, std::uint32_t tasks) {
  auto entry = classes_.find(demand);
  if (entry == classes_.end()) {
    if (tasks == 0) return;
    entry = classes_.try_emplace(demand).first;
  }
  Class& queue = entry->second;
  const auto [at, added] = queue.places.try_emplace(place, 0);
  queue.tasks += tasks;
  queue.tasks -= at->second;
  at->second = tasks;
  if (tasks == 0) queue.places.erase(at);
  if (queue.places.empty()) classes_.erase(entry);
}

std::uint64_t ReadyQueue::tasks_of(ClassId demand) const {
  const auto entry = classes_.find(demand);
  return entry == classes_.end() ? 0 : entry->second.tasks;
}

bool ReadyQueue::operator==(const ReadyQueue& other) const {
  if (classes_.size() != other.classes_.size()) return false;
  for (auto a = classes_.begin(), b = other.classes_.begin(); a != classes_.end(); ++a, ++b)
    if (a->first != b->first || a->second.places != b->second.places || a->second.tasks != b->second.tasks)
      return false;
  return true;
}

}  // namespace framemill::scheduler
