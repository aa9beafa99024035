#include "scheduler/core/state/farm_event.h"

#include "base/error_code.h"

namespace framemill::scheduler {
namespace {

constexpr base::Names<JobEvent::What, kJobEventCount> kJobEvents{
    {"JobSubmitted", "JobQueued", "JobRunning", "JobPaused", "JobDone", "JobFailed", "JobCancelled", "JobRemakeAsked",
     "ManifestWritten", "ManifestGivenUp", "JobThrottled"}};
constexpr base::Names<LayerEvent::What, kLayerEventCount> kLayerEvents{
    {"LayerChanged", "LayerStuck", "LayerResumed", "WorkerSetAside", "WorkerTakenBack", "TasksPublished", "TasksFailed",
     "PublishedFrameDiffers", "TaskRemade", "TaskReplaced", "TaskRemadeOtherwise"}};
constexpr base::Names<WorkerEvent::What, kWorkerEventCount> kWorkerEvents{
    {"WorkerJoined", "WorkerStarted", "WorkerHeard", "WorkerWentSilent", "WorkerInventoryChanged", "WorkerLostRoot",
     "WorkerReportedUnplannedFile", "WorkerKeyContested", "WorkerDrainAsked", "WorkerDraining", "WorkerUndrained",
     "WorkerRevoked", "WorkerBlamed", "WorkerQuarantined", "WorkerQuarantineCleared"}};
constexpr base::Names<AttemptEvent::What, kAttemptEventCount> kAttemptEvents{
    {"AttemptGranted", "TasksTakenBack", "LeaseExpired", "AttemptEnded"}};
constexpr base::Names<LimitEvent::What, kLimitEventCount> kLimitEvents{{"LimitChanged"}};

std::string_view name(JobEvent::What what) {
  return kJobEvents.of(what);
}
std::string_view name(LayerEvent::What what) {
  return kLayerEvents.of(what);
}
std::string_view name(WorkerEvent::What what) {
  return kWorkerEvents.of(what);
}
std::string_view name(AttemptEvent::What what) {
  return kAttemptEvents.of(what);
}
std::string_view name(LimitEvent::What what) {
  return kLimitEvents.of(what);
}

}  // namespace

std::string_view type_of(const FarmEvent& event) {
  struct Type {
    std::string_view operator()(const JobEvent&) const { return "job"; }
    std::string_view operator()(const LayerEvent&) const { return "layer"; }
    std::string_view operator()(const WorkerEvent&) const { return "worker"; }
    std::string_view operator()(const AttemptEvent&) const { return "attempt"; }
    std::string_view operator()(const LimitEvent&) const { return "limit"; }
  };
  return std::visit(Type{}, event);
}

std::string_view what_of(const FarmEvent& event) {
  return std::visit([](const auto& e) { return name(e.what); }, event);
}

jobs::JobId job_of(const FarmEvent& event) {
  return std::visit(
      [](const auto& e) {
        if constexpr (requires { e.job; })
          return e.job;
        else
          return jobs::JobId{};
      },
      event);
}

jobs::WorkerId worker_of(const FarmEvent& event) {
  return std::visit(
      [](const auto& e) {
        if constexpr (requires { e.worker; })
          return e.worker;
        else
          return jobs::WorkerId{};
      },
      event);
}

std::optional<std::uint32_t> layer_of(const FarmEvent& event) {
  if (const auto* layer = std::get_if<LayerEvent>(&event)) return layer->layer;
  if (const auto* attempt = std::get_if<AttemptEvent>(&event)) return attempt->layer;
  return std::nullopt;
}

const std::string& detail_of(const FarmEvent& event) {
  return std::visit([](const auto& e) -> const std::string& { return e.detail; }, event);
}

bool is_routine(const FarmEvent& event) {
  if (const auto* attempt = std::get_if<AttemptEvent>(&event))
    return attempt->what != AttemptEvent::What::Ended || attempt->outcome == jobs::Outcome::Ok;
  const auto* layer = std::get_if<LayerEvent>(&event);
  return layer != nullptr && layer->what == LayerEvent::What::TasksPublished;
}

}  // namespace framemill::scheduler
