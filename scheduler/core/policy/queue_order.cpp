#include "scheduler/core/policy/queue_order.h"

namespace framemill::scheduler {

Standing QueueOrder::standing_of(const JobEntry& job, const PhaseEntry& phase) const {
  return {kWholeFarm,
          {-job.record.priority, job.latest_start_ms, job.record.id.value,
           (std::int64_t{phase.shot} << 32) - std::int64_t{phase.depth}}};
}

bool QueueOrder::goes_before(const Candidate& a, const Candidate& b) const {
  if (a.share != b.share) return a.share < b.share;
  return *a.first < *b.first;
}

}  // namespace framemill::scheduler
