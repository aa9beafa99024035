#include "jobs/attempt_error.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/os_error.h"

namespace framemill::jobs {
namespace {

constexpr std::array<AttemptErrorRow, kAttemptErrorCount> kAttemptErrors{{
    // error, code, outcome, tried_once, per_worker, of_input
    {AttemptError::OutOfMemory, "gpu.out_of_memory", Outcome::Oom, false, false, false},
    {AttemptError::Device, "gpu.device", Outcome::Failed, false, false, false},
    {AttemptError::NotFinite, "gpu.not_finite", Outcome::Failed, false, false, false},
    {AttemptError::NoRoom, "not_admitted", Outcome::NotAdmitted, false, false, false},
    {AttemptError::ModelStorage, "model.storage", Outcome::NotAdmitted, false, false, false},
    // The worker had told of the package, so its files were whole: something happened to them on this host.
    {AttemptError::ModelNotFound, "model.not_found", Outcome::NotAdmitted, false, false, false},
    {AttemptError::ModelDigestMismatch, "model.digest_mismatch", Outcome::NotAdmitted, false, false, false},
    {AttemptError::ModelDamaged, "model.damaged", Outcome::NotAdmitted, false, false, false},

    {AttemptError::InputNotVisible, "input_not_visible", Outcome::InputNotVisible, false, false, true},
    {AttemptError::InputMissing, "input.missing", Outcome::Failed, true, false, true},
    {AttemptError::InputRead, "input.read", Outcome::Failed, false, false,
     true},  // what storage failed to read may come back
    {AttemptError::InputLink, "input.link", Outcome::Failed, true, false, true},
    {AttemptError::InputNan, "input.nan", Outcome::Failed, true, false, true},
    {AttemptError::InputPath, "input.path", Outcome::Failed, true, false, true},
    {AttemptError::InputSize, "input.size", Outcome::Failed, true, false, true},
    {AttemptError::InputTooLarge, "input.too_large", Outcome::Failed, true, false, true},
    {AttemptError::InputChannels, "input.channels", Outcome::Failed, true, false, true},
    {AttemptError::InputUnreadable, "input.unreadable", Outcome::Failed, true, false, true},

    {AttemptError::RootMissing, "root.missing", Outcome::NotAdmitted, false, false, false},
    {AttemptError::FrameNan, "frames.nan", Outcome::BadOutput, false, false, false},
    {AttemptError::FrameBlack, "frames.black", Outcome::BadOutput, false, false, false},
    {AttemptError::FrameFrozen, "frames.frozen", Outcome::BadOutput, false, false, false},
    {AttemptError::FrameSize, "frames.size", Outcome::BadOutput, false, false, false},
    {AttemptError::FrameUnreadable, "frames.unreadable", Outcome::Failed, false, false, false},
    {AttemptError::FrameTooLarge, "frames.too_large", Outcome::Failed, false, false, false},
    {AttemptError::FrameChannels, "frames.channels", Outcome::Failed, false, false, false},
    {AttemptError::FrameStage, "frames.stage", Outcome::Failed, false, false, false},
    {AttemptError::OutputMissing, "command.missing_output", Outcome::BadOutput, false, false, false},
    {AttemptError::OutputLink, "output.link", Outcome::BadOutput, true, false, false},
    {AttemptError::OutputEmpty, "output.empty", Outcome::BadOutput, false, false, false},
    {AttemptError::OutputUnreadable, "output.unreadable", Outcome::BadOutput, false, false, false},
    {AttemptError::OutputSize, "output.size", Outcome::BadOutput, false, false, false},
    {AttemptError::OutputChannels, "output.channels", Outcome::BadOutput, false, false, false},
    {AttemptError::OutputUnchecked, "output.unchecked", Outcome::BadOutput, false, false, false},

    {AttemptError::CannotStart, "command.cannot_start", Outcome::Failed, true, true, false},
    {AttemptError::CommandTooLong, "command.too_long", Outcome::Failed, true, false, false},
    // A host without ffmpeg says nothing about the movie, and is good for other work.
    {AttemptError::FfmpegMissing, "media.ffmpeg_missing", Outcome::NotAdmitted, false, false, false},

    {AttemptError::GrantTooLarge, "grant.too_large", Outcome::Failed, true, false, false},
    // Nothing of these has begun: they are given again, and say nothing of the worker or the task.
    {AttemptError::GrantInputsUnknown, "grant.inputs_unknown", Outcome::Revoked, false, false, false},
    {AttemptError::GrantNotSent, "grant.not_sent", Outcome::Revoked, false, false, false},
    {AttemptError::GrantInvalid, "grant.invalid", Outcome::Failed, true, false, false},
    {AttemptError::ReportTooLarge, "report.too_large", Outcome::Failed, true, false, false},
    {AttemptError::Revoked, "revoked", Outcome::Revoked, false, false, false},
    {AttemptError::WorkerLost, "worker_lost", Outcome::WorkerLost, false, false, false},
    {AttemptError::NoProgress, "lease.no_progress", Outcome::WorkerLost, false, false, false},
    {AttemptError::PublishedDiffers, "published.differs", Outcome::BadOutput, false, false, false},
}};

const AttemptErrorRow* find_attempt_error(std::string_view code) {
  const auto row = std::find_if(kAttemptErrors.begin(), kAttemptErrors.end(),
                                [&](const AttemptErrorRow& r) { return r.code == code; });
  return row == kAttemptErrors.end() ? nullptr : &*row;
}

}  // namespace

const AttemptErrorRow& attempt_error_row(AttemptError error) {
  const auto index = static_cast<std::size_t>(error);
  FM_CHECK(index < kAttemptErrors.size() && kAttemptErrors[index].error == error,
           "an attempt's error outside its table");
  return kAttemptErrors[index];
}

std::optional<AttemptError> attempt_error_from_code(std::string_view code) {
  const AttemptErrorRow* row = find_attempt_error(code);
  return row == nullptr ? std::nullopt : std::optional(row->error);
}

std::string_view text_of(AttemptError error) {
  return attempt_error_row(error).code;
}

Outcome outcome_of(const base::Error& error) {
  if (const AttemptErrorRow* row = find_attempt_error(error.code)) return row->outcome;
  const auto system = base::system_error_from_code(error.code);
  if (!system) return Outcome::Failed;
  return *system == base::SystemError::StorageFull ? Outcome::StorageFull : Outcome::NotAdmitted;
}

bool is_tried_once(std::string_view code) {
  const AttemptErrorRow* row = find_attempt_error(code);
  return row != nullptr && row->tried_once;
}

bool depends_on_worker(std::string_view code) {
  const AttemptErrorRow* row = find_attempt_error(code);
  return row != nullptr && row->per_worker;
}

}  // namespace framemill::jobs
