// Which worker gives committed files their final names: one that sees the root and is heard. Reads only.
#pragma once

#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// The preferred worker if it sees the root and is heard, else the able one with the fewest duties; none when nobody
// does.
WorkerId publish_server(const FarmState& farm, const std::string& root, WorkerId preferred);
// The next one, round and round, that could serve the root; the same when there is no other.
WorkerId other_publish_server(const FarmState& farm, const std::string& root, WorkerId worker);
// Too much was committed that has no name yet, there or in the whole farm: nothing more is granted until files are
// published (promise P7).
bool at_publish_cap(const FarmState& farm, WorkerId worker);
bool farm_at_publish_cap(const FarmState& farm);

}  // namespace framemill::scheduler
