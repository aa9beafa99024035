// Between values and what messages hold of them. Any thread.
#pragma once

#include "jobs/command_confinement.h"
#include "jobs/ids.h"
#include "wire/farm.pb.h"

namespace framemill::wire {

jobs::AttemptId attempt_from_wire(const AttemptId& attempt);
void attempt_to_wire(const jobs::AttemptId& attempt, AttemptId& out);

// A number that this version does not know is read as Unknown.
jobs::CommandConfinement confinement_from_wire(CommandConfinement confinement);
CommandConfinement confinement_to_wire(jobs::CommandConfinement confinement);

}  // namespace framemill::wire
