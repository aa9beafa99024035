// The finer codes of attempts that did not end well, which every room that makes, runs or judges attempts shares: what
// outcome a code stands for, and what another try could change. The text travels from executor to worker to scheduler
// and is on record; a code that the table does not have (from another version) is plain work that failed and may be
// tried again. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error_code.h"
#include "base/result.h"
#include "jobs/lifecycle.h"

namespace framemill::jobs {

enum class AttemptError : std::uint8_t {
  // the model and the device
  OutOfMemory,
  Device,  // Hardware on a GPU, whose context is worth nothing afterwards
  NotFinite,
  NoRoom,
  ModelStorage,  // the directory of packages, which is not a root
  ModelNotFound,
  ModelDigestMismatch,
  ModelDamaged,
  // what it reads
  InputNotVisible,
  InputMissing,
  InputRead,
  InputLink,
  InputNan,
  InputPath,
  InputSize,
  InputTooLarge,
  InputChannels,
  InputUnreadable,
  // what it writes
  RootMissing,
  FrameNan,
  FrameBlack,
  FrameFrozen,
  FrameSize,
  FrameUnreadable,
  FrameTooLarge,
  FrameChannels,
  FrameStage,
  OutputMissing,
  OutputLink,
  OutputEmpty,
  OutputUnreadable,
  OutputSize,
  OutputChannels,
  OutputUnchecked,
  // programs
  CannotStart,
  CommandTooLong,
  FfmpegMissing,
  // messages
  GrantTooLarge,
  GrantInputsUnknown,  // the job store did not say which files it reads
  GrantNotSent,        // its worker is not connected, or does not read
  GrantInvalid,
  ReportTooLarge,
  Revoked,
  WorkerLost,
  NoProgress,
  PublishedDiffers  // found of a published frame, by the check of another
};
inline constexpr int kAttemptErrorCount = 46;

struct AttemptErrorRow {
  AttemptError error;
  std::string_view code;  // "input.unreadable"
  Outcome outcome;
  // Another try could only end the same way, because the files it reads, or what it asks for, decide: the first charged
  // try is the last one.
  bool tried_once;
  bool per_worker;  // of these, what the worker decides as well (a program may be installed elsewhere): one try on each
  bool of_input;    // it speaks of a file that the attempt reads
};
const AttemptErrorRow& attempt_error_row(AttemptError error);
std::optional<AttemptError> attempt_error_from_code(std::string_view code);

std::string_view text_of(AttemptError error);
// The outcome that an error means for its attempt: its row's; NotAdmitted or StorageFull where it is the host's or the
// storage's (base/os_error.h); else Failed.
Outcome outcome_of(const base::Error& error);
// The row's answers for any code; false where it is in no row.
bool is_tried_once(std::string_view code);
bool depends_on_worker(std::string_view code);

}  // namespace framemill::jobs
