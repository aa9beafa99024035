#include "scheduler/core/policy/queue_order.h"

namespace framemill::scheduler {

Standing standing_of(const JobEntry& job, const PhaseEntry& phase) {
  return {job.share,
          {-job.record.priority, job.latest_start_ms, job.record.id.value,
           (std::int64_t{phase.shot} << 32) - std::int64_t{phase.depth}}};
}

}  // namespace framemill::scheduler
