#include "scheduler/core/acts/serving.h"

#include "scheduler/core/acts/matcher.h"
#include "scheduler/core/acts/take_back.h"
#include "scheduler/core/policy/idle_slots.h"

namespace framemill::scheduler {
namespace {

constexpr int kServedInOneTurn = 8;

}  // namespace

void serve_idle_slots(FarmState& farm) {
  for (int served = 0; served < kServedInOneTurn && !farm.match_unfinished; ++served) {
    const auto waits = waits_beside_idle_slot(farm);
    if (!waits || take_back(farm, *waits) == 0) return;
    match(farm);
  }
}

}  // namespace framemill::scheduler
