// From records to a living farm, by the one function that derives everything else; and back, for tests.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// What the store gave back, in any order; a later record replaces an earlier one of the same key.
struct RestartRecords {
  CountersRecord counters;
  std::vector<VersionRecord> versions;
  std::vector<RootRecord> roots;
  std::vector<SubmitTokenRecord> tokens;
  std::map<WorkerId, WorkerRecord> workers;
  std::map<JobId, JobRecord> jobs;
  std::map<PhaseId, PhaseRecord> phases;
  std::map<PhaseId, std::map<std::uint32_t, std::vector<std::uint8_t>>> pages;
  std::map<std::pair<PhaseId, TaskIndex>, TaskTroubleRecord> troubles;
  std::map<AttemptId, AttemptRecord> attempts;
  std::vector<RemakeRecord> remakes;

  void put(const Record& record);
};

void rebuild(FarmState& farm, RestartRecords records);
std::vector<Record> all_records(const FarmState& farm);

}  // namespace framemill::scheduler
