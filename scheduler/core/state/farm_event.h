// What observers may see: rows of jobs, layers, workers and attempts, and folded counts of tasks. Released only when
// durable. The names are those of the event stream (scheduler/http/openapi.yaml) and of the log. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "jobs/ids.h"
#include "jobs/lifecycle.h"

namespace framemill::scheduler {

struct JobEvent {
  enum class What : std::uint8_t {
    Submitted,
    Queued,
    Running,
    Paused,
    Done,
    Failed,
    Cancelled,
    RemakeAsked,
    ManifestWritten,
    ManifestGivenUp,
    Throttled  // nothing of it runs, and a limit holds its ready work back
  };
  What what = What::Submitted;
  jobs::JobId job;
  std::string detail;     // a sentence for logs
  jobs::WorkerId worker;  // that wrote a manifest, or did not
};
struct LayerEvent {
  enum class What : std::uint8_t {
    Changed,
    Stuck,
    Resumed,
    WorkerSetAside,
    WorkerTakenBack,
    TasksPublished,
    TasksFailed,
    PublishedFrameDiffers,
    TaskRemade,
    TaskReplaced,
    TaskRemadeOtherwise
  };
  What what = What::Changed;
  jobs::JobId job;
  std::uint32_t layer = 0;
  std::string detail;
  jobs::WorkerId worker;  // that was set aside or taken back
};
struct WorkerEvent {
  enum class What : std::uint8_t {
    Joined,
    Started,
    Heard,
    WentSilent,
    InventoryChanged,
    LostRoot,
    ReportedUnplannedFile,
    KeyContested,
    DrainAsked,
    Draining,
    Undrained,
    Revoked,
    Blamed,
    Quarantined,
    QuarantineCleared
  };
  What what = What::Joined;
  jobs::WorkerId worker;
  std::string detail;
};
struct AttemptEvent {
  enum class What : std::uint8_t { Granted, TasksTakenBack, LeaseExpired, Ended };
  What what = What::Granted;
  jobs::JobId job;
  std::uint32_t layer = 0;
  jobs::WorkerId worker;
  std::string detail;
  std::optional<jobs::Outcome> outcome{};  // Ended
};
struct LimitEvent {
  enum class What : std::uint8_t { Changed };
  What what = What::Changed;
  std::string detail;  // "nuke: 10 instead of 20: two seats are lent"
};
inline constexpr int kJobEventCount = 11, kLayerEventCount = 11, kWorkerEventCount = 15, kAttemptEventCount = 4,
                     kLimitEventCount = 1;
using FarmEvent = std::variant<JobEvent, LayerEvent, WorkerEvent, AttemptEvent, LimitEvent>;

std::string_view type_of(const FarmEvent& event);  // "layer"
std::string_view what_of(const FarmEvent& event);  // past tense: "TasksPublished"
jobs::JobId job_of(const FarmEvent& event);        // or none
jobs::WorkerId worker_of(const FarmEvent& event);  // or none
std::optional<std::uint32_t> layer_of(const FarmEvent& event);
const std::string& detail_of(const FarmEvent& event);
// One of many that a farm in good order has all the time, for whoever wants to see everything.
bool is_routine(const FarmEvent& event);

}  // namespace framemill::scheduler
