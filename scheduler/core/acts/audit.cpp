#include "scheduler/core/acts/audit.h"

#include <utility>

namespace framemill::scheduler {

void audit(FarmState& farm, const Cause& cause, std::string verb, std::string target) {
  farm.turn.put(AuditRecord{++farm.counters.last_audit, cause, std::move(verb), std::move(target)});
  farm.turn.counters = true;
}

}  // namespace framemill::scheduler
