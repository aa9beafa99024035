#include "scheduler/core/policy/awaited.h"

#include <fmt/format.h>

namespace framemill::scheduler {

AwaitedText awaited_text(const FarmState& farm, const JobEntry& waiter, const AwaitedJob& awaited) {
  const std::string start_anyway = fmt::format("`framemill resume {} --now` starts it anyway", waiter.record.id.value);
  const JobEntry* job = farm.jobs.find(awaited.job);
  if (job == nullptr)  // it has left the memory without what was waited for
    return {fmt::format("waits for job {}, which ended without success long ago", awaited.job.value), start_anyway,
            false};
  std::string because =
      fmt::format("waits for job {} ({}), which {}{}", awaited.job.value, job->record.spec->name,
                  job->record.state == jobs::JobState::Failed ? "" : "is ", jobs::name(job->record.state));
  if (job->final())
    return {std::move(because), fmt::format("`framemill retry {}` makes it again; {}", awaited.job.value, start_anyway),
            false};
  return {std::move(because),
          awaited.any_end ? "nothing: it starts when that is over" : "nothing: it starts when that is done", true};
}

AwaitedText awaited_text(const FarmState& farm, const JobEntry& waiter) {
  const auto& awaits = waiter.record.awaits;
  AwaitedText first = awaited_text(farm, waiter, awaits.front());
  for (std::size_t i = 1; i < awaits.size() && first.comes; ++i)
    if (AwaitedText other = awaited_text(farm, waiter, awaits[i]); !other.comes) first = std::move(other);
  if (awaits.size() > 1) first.because += fmt::format(", and for {} more", awaits.size() - 1);
  return first;
}

}  // namespace framemill::scheduler
