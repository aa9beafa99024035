// A farm's history, or one that is made up: workers, models and jobs with what they take. A text of JSON lines, one thing
// a line (docs/simulator.md), that the policy simulator replays. Values; times are seconds since the trace begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/events.h"

namespace framemill::sim {

struct TraceWorkers {  // `count` equal ones
  std::string name;
  std::uint32_t count = 1, slots = 1;
  double at_s = 0;  // when they join
  scheduler::DeviceKind kind = scheduler::DeviceKind::Cuda;
  std::string device_class = "gpu";
  std::uint64_t memory_bytes = 80ull << 30;  // of each slot, which is a device of its own
  double speed = 1;                          // a task takes its seconds over this
};

struct TraceModel {
  std::string name;  // "video@1"
  double load_s = 0;
  std::uint64_t memory_bytes = 0;  // with a window at work
};

struct TraceLayer {
  std::string name;
  std::string model;  // empty: a command
  std::uint32_t tasks = 1;
  double task_s = 1;   // on a worker of speed 1, the mean
  double noise = 0;    // standard deviation of a task's seconds over their mean; lognormal
  double start_s = 0;  // of a command: before the first task of each lease
  bool chain = false;  // its tasks run one after the other
  std::optional<std::uint32_t> chunk;
  std::optional<scheduler::DeviceKind> device;  // none: any
  std::uint64_t memory_bytes = 0;               // of a command
  std::vector<std::uint32_t> after;             // earlier layers of the job that end before this one begins
};

struct TraceJob {
  std::string name = "job";
  std::string show = "show";
  std::string user = "user";
  double at_s = 0;
  std::int32_t priority = 50;
  std::optional<double> deadline_s;  // since the trace begins
  std::vector<TraceLayer> layers;
};

struct FarmTrace {
  std::vector<TraceWorkers> workers;
  std::vector<TraceModel> models;
  std::vector<TraceJob> jobs;  // by at_s

  const TraceModel* model_of(const TraceLayer& layer) const;  // null: it has none
  std::uint64_t memory_of(const TraceLayer& layer) const;
  double load_of(const TraceLayer& layer) const;  // of its model, or its start
  std::uint64_t task_count() const;
  std::uint32_t worker_count() const;
  // Seconds of a task on a worker of speed 1: drawn from the seed by what the task is, so that every policy gets the
  // same work.
  double task_seconds(std::uint64_t seed, std::size_t job, std::size_t layer, std::uint32_t task) const;
};

inline constexpr std::uint32_t kTraceWorkersMax = 100'000, kTraceJobsMax = 100'000;
inline constexpr std::uint64_t kTraceTasksMax = 100'000'000;

// Errors: trace.* with the line, all mistakes of the first line that has any.
base::Result<FarmTrace> parse_trace(std::string_view text);
std::string trace_text(const FarmTrace& trace);

// Whether a device of these workers may run the layer.
bool is_able(const FarmTrace& trace, const TraceWorkers& workers, const TraceLayer& layer);

}  // namespace framemill::sim
