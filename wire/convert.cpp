#include "wire/convert.h"

namespace framemill::wire {

jobs::AttemptId attempt_from_wire(const AttemptId& attempt) {
  return {{attempt.epoch(), attempt.epoch_nonce()}, attempt.counter()};
}

void attempt_to_wire(const jobs::AttemptId& attempt, AttemptId& out) {
  out.set_epoch(attempt.epoch.number);
  out.set_epoch_nonce(attempt.epoch.nonce);
  out.set_counter(attempt.counter);
}

jobs::CommandConfinement confinement_from_wire(CommandConfinement confinement) {
  switch (confinement) {
    case COMMAND_CONFINEMENT_OFF:
      return jobs::CommandConfinement::Off;
    case COMMAND_CONFINEMENT_ENFORCED:
      return jobs::CommandConfinement::Enforced;
    case COMMAND_CONFINEMENT_INCOMPLETE:
      return jobs::CommandConfinement::Incomplete;
    case COMMAND_CONFINEMENT_REFUSED:
      return jobs::CommandConfinement::Refused;
    default:
      return jobs::CommandConfinement::Unknown;
  }
}

CommandConfinement confinement_to_wire(jobs::CommandConfinement confinement) {
  switch (confinement) {
    case jobs::CommandConfinement::Off:
      return COMMAND_CONFINEMENT_OFF;
    case jobs::CommandConfinement::Enforced:
      return COMMAND_CONFINEMENT_ENFORCED;
    case jobs::CommandConfinement::Incomplete:
      return COMMAND_CONFINEMENT_INCOMPLETE;
    case jobs::CommandConfinement::Refused:
      return COMMAND_CONFINEMENT_REFUSED;
    case jobs::CommandConfinement::Unknown:
      break;
  }
  return COMMAND_CONFINEMENT_UNKNOWN;
}

}  // namespace framemill::wire
