// Why the farm does not do what it was asked to do, for everybody who answers a person: the core, the loop and the HTTP
// API, which has a status for each. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error_code.h"

namespace framemill::scheduler {

enum class Refusal : std::uint8_t {
  FarmBusy,
  FarmStopping,
  FarmTooManyJobs,
  FarmTooManyStreams,
  JobFinal,
  JobFrameUnknown,
  JobHoldIsOver,
  JobLayerUnknown,
  JobTooManyHolds,
  JobUnknown,
  JobVariantUnknown,
  LimitUnknown,
  RemakeNameTaken,
  RemakeNeedsFrames,
  RemakeNoRecord,
  RemakeNotPublished,
  RemakeNothing,
  RemakeOfRemake,
  RemakeRunning,
  RemakeTooMany,
  RemakeUnderWay,
  RetryNeedsCancelled,
  RetryNothing,
  RetryPublished,
  ShareUnknown,
  SpecNoPlan,
  SpecOutOfRange,
  SpecRootReadOnly,
  SpecUnknownJob,
  SpecUnknownLimit,
  SpecVersionTaken,
  StoreReadOnly,
  SubmitKeyReused,
  UserTooManyJobs,
  WorkerAmbiguous,
  WorkerRevoked,
  WorkerUnknown
};
std::string_view text_of(Refusal refusal);  // "job.layer_unknown"
std::optional<Refusal> refusal_from_code(std::string_view code);

}  // namespace framemill::scheduler
