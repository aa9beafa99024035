// What the shell must do after a turn, in this order, as imperative values.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "worker/core/deaths.h"
#include "worker/core/values.h"

namespace framemill::worker {

struct StartExecutor {
  SlotIndex slot = 0;
};
struct FinishExecutor {  // let it end after the windows in flight
  SlotIndex slot = 0;
};
struct KillExecutor {
  SlotIndex slot = 0;
  KilledBecause because = KilledBecause::Stopped;
};
struct PrepareStaging {  // make the attempt's directory; answers StagingPrepared
  AttemptId attempt;
};
struct StartInExecutor {
  SlotIndex slot = 0;
  AttemptId attempt;
  TaskRange tasks;
};
struct CancelInExecutor {
  SlotIndex slot = 0;
  AttemptId attempt;
  bool keep_finished = false;  // windows that are done may still be written
  TaskRange keep;              // what remains of it; empty: nothing
};
struct StartChild {
  SlotIndex slot = 0;
  AttemptId attempt;
  TaskRange tasks;
};
struct StopChild {
  AttemptId attempt;
  bool keep_finished = false;  // what it has made whole may still be collected
};
struct ForgetAttempt {  // it is over and its grant is needed no more; the staging directory stays
  AttemptId attempt;
};
struct SweepStaging {  // nothing of it was or will be committed
  AttemptId attempt;
};
struct DropTask {  // its files are in the attempt's staging directory, and it was taken back: others make it
  AttemptId attempt;
  TaskIndex task = 0;
};
struct SweepIfPublished {  // the attempt is over and its end is known: remove what has its final name
  AttemptId attempt;
};
struct Publish {
  PublishDuty duty;
};
struct Discard {
  JobId job;
};
struct WriteManifest {
  ManifestDuty duty;
};
struct Exit {};  // nothing is left to do

using Effect = std::variant<StartExecutor, FinishExecutor, KillExecutor, PrepareStaging, StartInExecutor,
                            CancelInExecutor, StartChild, StopChild, ForgetAttempt, SweepStaging, DropTask,
                            SweepIfPublished, Publish, Discard, WriteManifest, Exit>;
using Effects = std::vector<Effect>;

}  // namespace framemill::worker
