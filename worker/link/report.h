// From the core's report to the bytes of a wire.WorkerReport. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/ids.h"
#include "worker/core/values.h"

namespace framemill::wire {
class FilesLookedFor;
class Inventory;
}  // namespace framemill::wire

namespace framemill::worker {

struct ReportContext {
  std::uint64_t incarnation = 0;
  jobs::Epoch epoch;                   // of the scheduler heard last
  std::uint64_t durable_sequence = 0;  // the highest heard
  std::uint64_t era = 0;               // the newest heard of
};

// `inventory` is told when the report says so; it may be null otherwise. `looked_for`: what was found of the files that
// the scheduler asked to watch.
std::string write_report(const Report& report, const wire::Inventory* inventory,
                         const std::vector<wire::FilesLookedFor>& looked_for, const ReportContext& context);

}  // namespace framemill::worker
