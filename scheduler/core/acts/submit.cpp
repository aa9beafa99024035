#include "scheduler/core/acts/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/deadlines.h"
#include "scheduler/core/acts/share_records.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/waits.h"
#include "scheduler/core/policy/lacks.h"
#include "scheduler/core/policy/retakes.h"
#include "scheduler/core/policy/room_for_job.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kVersionMax = 999'999;

class GivenPackages : public jobs::PackageCatalogue {
 public:
  explicit GivenPackages(const std::vector<jobs::PackageFacts>& packages) : packages_(packages) {}

  const jobs::PackageFacts* find(std::string_view id) const override {
    for (const jobs::PackageFacts& package : packages_)
      if (package.id() == id) return &package;
    return nullptr;
  }
  std::vector<std::string> ids() const override {
    std::vector<std::string> all;
    for (const jobs::PackageFacts& package : packages_) all.push_back(package.id());
    return all;
  }
  // The shell has the vocabularies and has checked the prompts.
  base::Status check_prompt(std::string_view, std::string_view) const override { return {}; }

 private:
  const std::vector<jobs::PackageFacts>& packages_;
};

std::set<ShotName> shot_names(const jobs::JobSpec& spec) {
  std::set<ShotName> shots;
  for (const jobs::LayerSpec& layer : spec.layers)
    shots.insert({spec.show, {spec.sequence, layer.shot.empty() ? spec.shot : layer.shot}});
  return shots;
}

base::Result<std::uint32_t> version_for(const FarmState& farm, const jobs::JobSpec& spec,
                                        const std::set<ShotName>& shots) {
  if (!spec.version) {
    std::uint32_t next = 1;
    for (const ShotName& shot : shots) next = std::max(next, farm.jobs.next_version(shot));
    if (next > kVersionMax)
      return base::error_of(Refusal::SpecVersionTaken, "this shot has no version numbers left", "version",
                            "use another shot name");
    return next;
  }
  for (const ShotName& shot : shots)
    if (farm.jobs.version_taken(shot, *spec.version)) {
      const std::string& name = shot.second.second;
      return base::error_of(Refusal::SpecVersionTaken,
                            fmt::format("version {} of shot {} is taken", *spec.version, name), "version",
                            fmt::format("use version {} or \"next\"", farm.jobs.next_version(shot)));
    }
  return *spec.version;
}

// The answer to a token that was used before, or nothing when it is new.
std::optional<base::Result<Submitted>> answer_of_token(const FarmState& farm, const JobSubmitted& event) {
  if (event.token.empty()) return std::nullopt;
  const SubmitTokenRecord* used = farm.jobs.token(event.cause.principal, event.token);
  if (used == nullptr) return std::nullopt;
  if (used->body != event.body)
    return base::error_of(Refusal::SubmitKeyReused,
                          fmt::format("this Idempotency-Key was used for another job, number {}", used->job.value),
                          "Idempotency-Key", "use a new key for a new job");
  const JobEntry* job = farm.jobs.find(used->job);
  return Submitted{used->job, job == nullptr ? 0 : job->record.version, true, {}};
}

// Only what is counted can be waited for.
base::Status known_limits(const FarmState& farm, const jobs::JobSpec& spec) {
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    for (const std::string& name : spec.layers[i].limits) {
      if (farm.limits.find(name) != nullptr) continue;
      const std::vector<std::string> known = farm.limits.names();
      std::string hint = base::did_you_mean(base::nearest(name, known));
      if (hint.empty())
        hint = known.empty() ? "this farm has none; they are configured in scheduler.toml, under [limits.tokens]"
                             : "the farm has " + base::listed(known, 10);
      return base::error_of(Refusal::SpecUnknownLimit, fmt::format("the farm has no limit {}", name),
                            fmt::format("layer[{}].limits", i), std::move(hint));
    }
  return {};
}

void record_submit(FarmState& farm, const JobSubmitted& event, const JobEntry& job, const std::set<ShotName>& shots) {
  for (const ShotName& shot : shots) {
    VersionRecord version{shot.first, shot.second.first, shot.second.second, job.record.version, job.record.id};
    farm.jobs.put(version);
    farm.turn.put(std::move(version));
  }
  if (!event.token.empty()) {
    SubmitTokenRecord token{event.cause.principal, event.token, event.body, job.record.id};
    farm.jobs.put(token);
    farm.turn.put(std::move(token));
  }
  audit(farm, event.cause, "submit", fmt::format("job {}", job.record.id.value));
}

}  // namespace

base::Result<Submitted> submit_job(FarmState& farm, const JobSubmitted& event) {
  if (auto known = answer_of_token(farm, event)) return *known;
  FM_TRY(room_for_job(farm, event.cause.principal));
  FM_TRY(known_limits(farm, *event.spec));
  const std::set<ShotName> shots = shot_names(*event.spec);
  FM_ASSIGN(const std::uint32_t version, version_for(farm, *event.spec, shots));
  jobs::PlanResult planned = jobs::plan_job(*event.spec, version, GivenPackages(event.packages));
  if (!planned.plan) {
    if (planned.errors.empty()) return base::error_of(Refusal::SpecNoPlan, "the job cannot be planned");
    const jobs::SpecError& first = planned.errors.front();
    return base::Error{first.code, first.message, first.field, first.suggestion};
  }

  for (const jobs::PhasePlan& phase : planned.plan->phases)
    if (only_read(farm, phase.root))
      return base::error_of(Refusal::SpecRootReadOnly,
                            fmt::format("no worker may write to root {}: layer {} writes there", phase.root,
                                        event.spec->layers[phase.layer].name),
                            fmt::format("layer[{}].root", phase.layer),
                            "write to another root, or let a worker write to this one");

  FM_ASSIGN(std::vector<AwaitedJob> awaits, awaited_jobs(farm, *event.spec));

  JobRecord record;
  record.id = JobId(++farm.counters.last_job);
  record.spec = event.spec;
  record.plan = std::make_shared<const jobs::JobPlan>(std::move(*planned.plan));
  record.packages = event.packages;
  record.version = version;
  record.priority = event.spec->priority;
  record.deadline = event.spec->deadline.value_or(base::WallTime{});
  record.awaits = std::move(awaits);
  record.submitted = event.cause;
  record.last_change = event.cause;
  farm.turn.counters = true;

  JobEntry& job = farm.jobs.add(std::move(record), farm.pace);
  join_share(farm, job);
  farm.turn.mark(job);
  enqueue(farm, job);
  for (PhaseEntry& phase : job.phases) {
    farm.turn.mark(phase);
    farm.turn.touch(job, phase);
    return_tasks(farm, phase, {0, phase.tasks.size()});
  }
  std::vector<std::string> warnings = event.warnings;
  begin_waits(farm, job, warnings);
  watch_deadline(farm, job);
  record_submit(farm, event, job, shots);
  farm.turn.say(JobEvent{JobEvent::What::Submitted, job.record.id, job.record.spec->name, {}});
  for (auto&& more : {retake_warnings(farm, job), lacks_of(farm, job)})
    warnings.insert(warnings.end(), more.begin(), more.end());
  return Submitted{job.record.id, version, false, std::move(warnings)};
}

}  // namespace framemill::scheduler
