// Between ids as values and as messages hold them. Any thread.
#pragma once

#include "jobs/ids.h"
#include "wire/farm.pb.h"

namespace framemill::wire {

jobs::AttemptId attempt_from_wire(const AttemptId& attempt);
void attempt_to_wire(const jobs::AttemptId& attempt, AttemptId& out);

}  // namespace framemill::wire
