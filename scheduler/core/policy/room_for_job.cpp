#include "scheduler/core/policy/room_for_job.h"

#include <fmt/format.h>

#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {

base::Status room_for_job(const FarmState& farm, const std::string& principal) {
  if (farm.jobs.live_jobs() >= farm.settings.jobs_max)
    return base::error_of(Refusal::FarmTooManyJobs,
                          fmt::format("the farm holds {} jobs that are not finished, its limit", farm.jobs.live_jobs()),
                          "", "wait until some are done, or cancel some; then submit again");
  const std::uint32_t held = farm.jobs.live_jobs_of(principal);
  if (held >= farm.settings.live_jobs_per_user)
    return base::error_of(
        Refusal::UserTooManyJobs, fmt::format("{} has {} jobs that are not finished, the limit", principal, held), "",
        fmt::format("wait until some are done, or cancel what is not needed: framemill cancel --user {} --state queued",
                    principal));
  return {};
}

}  // namespace framemill::scheduler
