// Measured facts of an attempt between the wire and the core, bounded on the way in. Pure.
#pragma once

#include "wire/recipe.pb.h"
#include "worker/core/values.h"

namespace framemill::worker {

Usage usage_from_wire(const wire::Usage& in);
void usage_to_wire(const Usage& usage, wire::Usage& out);
// The numbers alone: what is told of running attempts with every report has to stay small.
void usage_numbers_to_wire(const Usage& usage, wire::Usage& out);

}  // namespace framemill::worker
