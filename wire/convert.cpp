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

}  // namespace framemill::wire
