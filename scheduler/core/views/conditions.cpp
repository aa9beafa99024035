#include "scheduler/core/views/conditions.h"

#include "base/rfc3339.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/awaited.h"
#include "scheduler/core/policy/failure_text.h"
#include "scheduler/core/policy/missing_files.h"
#include "scheduler/core/policy/throttling.h"
#include "scheduler/core/views/slot_reasons.h"

namespace framemill::scheduler {

namespace {

// Files of a root are all that the layer waits for, and nothing of it runs.
std::optional<MissingFile> awaited_file(const FarmState& farm, const JobEntry& job, std::uint32_t layer) {
  std::optional<MissingFile> awaited;
  for (const PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != layer) continue;
    if (!phase.attempts.empty() || phase.tasks.count(TaskState::Ready) > 0) return std::nullopt;
    if (!awaited && !phase.files.waits.empty())
      awaited = missing_file(farm, job, phase, phase.files.waits.begin()->first);
  }
  return awaited;
}

// Of a job that its own spec holds: what it waits for, other jobs first, since they may never come.
Condition waiting(const FarmState& farm, const JobEntry& job) {
  if (!job.record.awaits.empty())
    return {Condition::Kind::Waiting, "", awaited_text(farm, job).because, job.record.submitted.time};
  for (const Hold& hold : job.record.holds)
    if (hold.kind == jobs::HoldKind::StartAfter)
      return {Condition::Kind::Waiting, "",
              "starts at " + base::format_rfc3339(hold.until, base::Milliseconds::WhereAny), hold.placed.time};
  return {};
}

}  // namespace

std::string_view name(Condition::Kind kind) {
  switch (kind) {
    case Condition::Kind::Stuck:
      return "stuck";
    case Condition::Kind::Blocked:
      return "blocked";
    case Condition::Kind::Starved:
      return "starved";
    case Condition::Kind::Throttled:
      return "throttled";
    case Condition::Kind::InputMissing:
      return "input_missing";
    case Condition::Kind::Waiting:
      return "waiting";
    case Condition::Kind::None:
      break;
  }
  return "";
}

std::optional<Condition::Kind> condition_from_name(std::string_view wanted) {
  using enum Condition::Kind;
  for (const Condition::Kind kind : {Stuck, Blocked, Starved, Throttled, InputMissing})
    if (name(kind) == wanted) return kind;
  return std::nullopt;
}

const std::string& Conditions::why_nobody(const JobEntry& job, const PhaseEntry& phase) {
  const auto [entry, added] = nobody_.try_emplace(phase.common_class);
  if (!added) return entry->second;
  if (able_groups(farm_, phase.common_class).slots > 0) return entry->second;
  workers_walked_ += farm_.workers.all().size();
  const auto reasons = slot_reasons(farm_, phase.common_class, job, phase, 0, farm_.now(), nullptr).reasons;
  entry->second = reasons.empty() ? "no worker has connected" : reasons.front().because;
  return entry->second;
}

const std::string& Conditions::throttled_by(const JobEntry& job, const PhaseEntry& phase) {
  const ClassId ready = class_of_ready(phase);
  const auto [entry, added] = throttled_.try_emplace({ready, job.share});
  if (!added || ready == 0) return entry->second;
  if (auto throttle = throttle_of(farm_, ready, job.share)) entry->second = std::move(throttle->because);
  return entry->second;
}

Condition Conditions::of_layer(const JobEntry& job, std::uint32_t layer) {
  if (!job.may_be_granted()) return {};
  const std::string& name = job.record.spec->layers[layer].name;
  if (const auto stuck = stuck_layer(farm_, job, layer))
    return {Condition::Kind::Stuck, name, failure_text(stuck->code, stuck->message), stuck->since};
  for (const PhaseEntry& phase : job.phases) {
    if (phase.plan->layer != layer || phase.tasks.count(TaskState::Ready) == 0 || !phase.attempts.empty()) continue;
    if (const std::string& why = why_nobody(job, phase); !why.empty()) return {Condition::Kind::Blocked, name, why, {}};
  }
  if (const auto missing = awaited_file(farm_, job, layer))
    return {Condition::Kind::InputMissing, name, text_of(*missing, farm_.turn.now.wall), missing->since};
  for (const PhaseEntry& phase : job.phases)
    if (phase.plan->layer == layer)
      if (const std::string& why = throttled_by(job, phase); !why.empty())
        return {Condition::Kind::Throttled, name, why, {}};
  return {};
}

Condition Conditions::of_job(const JobEntry& job) {
  if (!job.may_be_granted()) return job.final() || job.is_stopped() ? Condition{} : waiting(farm_, job);
  Condition blocked, without_input, throttled;
  const PhaseEntry* ready = nullptr;
  for (std::uint32_t layer = 0; layer < job.record.spec->layers.size(); ++layer) {
    Condition condition = of_layer(job, layer);
    if (condition.kind == Condition::Kind::Stuck) return condition;
    Condition& other = condition.kind == Condition::Kind::InputMissing ? without_input
                       : condition.kind == Condition::Kind::Throttled  ? throttled
                                                                       : blocked;
    if (other.kind == Condition::Kind::None) other = std::move(condition);
  }
  if (blocked.kind != Condition::Kind::None) return blocked;
  if (throttled.kind != Condition::Kind::None) return throttled;
  if (job.attempts_live > 0) return {};
  for (const PhaseEntry& phase : job.phases)
    if (ready == nullptr && phase.tasks.count(TaskState::Ready) > 0) ready = &phase;
  if (ready == nullptr) return without_input;
  const std::uint32_t layer = ready->plan->layer;
  const std::string& name = job.record.spec->layers[layer].name;
  const auto& unserved = job.unserved_since;
  const bool long_since = unserved && farm_.now() - unserved->monotonic >= farm_.settings.starved_after;
  for (const WorkerId worker : able_workers(farm_, ready->common_class)) {
    const Avoidance avoided = layer_avoidance(farm_, job, layer, worker);
    if (avoided.why == Avoidance::Why::BackOff)
      return {Condition::Kind::Blocked, name, failure_text(avoided.standing->code, avoided.standing->message), {}};
    if (!avoided.none()) continue;
    if (!long_since) return {};  // an ordinary queue
    return {Condition::Kind::Starved, name, "the slots that could run it are busy with other work", unserved->wall};
  }
  return {};
}

}  // namespace framemill::scheduler
