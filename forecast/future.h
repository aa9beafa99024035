// One future of a farm: its records and workers as they stand, the real core run forward (virtual_farm.h), with
// durations drawn from what was measured (drawn_durations.h). Pure but for the stop that its caller gives.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "forecast/drawn_durations.h"
#include "forecast/replica.h"
#include "forecast/virtual_farm.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/core/views/views.h"

namespace framemill::forecast {

// What all futures of one look ahead begin with. The replica does not change meanwhile.
struct FarmAsItIs {
  const Replica& replica;
  std::vector<scheduler::WorkerRow> workers;
  scheduler::FarmSettings settings;
  base::WallTime now;
};

// What is changed before a future begins.
struct WhatIf {
  JobId job;
  std::optional<std::int32_t> priority;  // of the job
  std::vector<JobId> paused;             // rivals, for the whole future
  WorkerId like;                         // Slots: workers as this one, `copies` of them
  std::uint32_t copies = 0;
  // Layers of the job whose stepped tasks take this share of their time.
  std::map<std::uint32_t, double> steps;
  // Layers of the job of which only the first variants are made: the others take no time.
  std::map<std::uint32_t, std::uint32_t> variants;
};

constexpr std::uint64_t layer_key(JobId job, std::uint32_t layer) {
  return std::uint64_t{job.value} << 32 | layer;
}

struct Future {
  struct Ready {
    std::int64_t in_ms = 0;  // from now
    jobs::JobState state = jobs::JobState::Done;
  };
  std::unordered_map<JobId, Ready> jobs;                   // that were over in it
  std::unordered_map<std::uint64_t, std::int64_t> layers;  // by layer_key(): when its last task was finished
  VirtualFarm::Stop stop = VirtualFarm::Stop::Idle;
  std::int64_t reached_ms = 0;  // how far it went
  std::uint64_t events = 0;
};

// `horizon`: no further than that, from now. `may_go_on`: asked now and then; null: always.
Future run_future(const FarmAsItIs& farm, const WhatIf& what_if, const Luck& luck, base::Duration horizon,
                  const std::function<bool()>& may_go_on);

// What a worker said of itself, out of the row that people see.
scheduler::Inventory inventory_of(const scheduler::WorkerView& worker);
// The jobs a future can begin with: live, with the records of all their phases.
bool is_whole(const Replica& replica, const scheduler::JobRecord& job);

}  // namespace framemill::forecast
