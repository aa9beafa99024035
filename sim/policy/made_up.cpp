#include "sim/policy/made_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "forecast/draws.h"

namespace framemill::sim {
namespace {

using scheduler::DeviceKind;

constexpr std::uint64_t kGiB = 1ull << 30;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : draws_(seed, 0x7ace, 0, 0) {}
  // From first to last, both possible.
  std::int64_t between(std::int64_t first, std::int64_t last) {
    const double range = static_cast<double>(last - first + 1);
    return std::min(first + static_cast<std::int64_t>(draws_.uniform() * range), last);
  }
  bool chance(int percent) { return between(1, 100) <= percent; }

 private:
  forecast::Draws draws_;
};

std::uint32_t scaled(double of, double scale) {
  return static_cast<std::uint32_t>(std::max(1.0, std::round(of * scale)));
}

TraceWorkers gpus(const char* name, std::uint32_t count, double speed, std::uint64_t memory = 80 * kGiB) {
  TraceWorkers workers;
  workers.name = name;
  workers.count = count;
  workers.device_class = std::string("cuda ") + name;
  workers.speed = speed;
  workers.memory_bytes = memory;
  return workers;
}

void add_jobs(FarmTrace& trace, std::uint32_t count, std::uint32_t tasks, double task_s, double noise) {
  for (std::uint32_t j = 0; j < count; ++j) {
    TraceJob job;
    job.name = fmt::format("job{}", j + 1);
    job.show = j % 3 == 0 ? "atlas" : j % 3 == 1 ? "harbor" : "nova";
    TraceLayer layer;
    layer.name = "boards";
    layer.model = trace.models[j % trace.models.size()].name;
    layer.tasks = tasks;
    layer.task_s = task_s;
    layer.noise = noise;
    job.layers.push_back(layer);
    trace.jobs.push_back(std::move(job));
  }
}

FarmTrace three_speeds(double scale) {
  FarmTrace trace;
  trace.workers = {gpus("h200", scaled(333, scale), 1), gpus("h100", scaled(333, scale), 0.7),
                   gpus("l40s", scaled(334, scale), 0.4)};
  trace.models = {{"video@1", 60, 30 * kGiB}, {"upscale@1", 30, 10 * kGiB}};
  add_jobs(trace, scaled(1'000, scale), 1'000, 10, 0);
  return trace;
}

FarmTrace sixty_four(double noise) {
  FarmTrace trace;
  trace.workers = {gpus("h200", 64, 1)};
  trace.models = {{"video@1", 60, 30 * kGiB}};
  add_jobs(trace, 10, 1'000, 10, noise);
  return trace;
}

FarmTrace with_slow(double scale) {
  FarmTrace trace;
  const std::uint32_t slow = scaled(2, scale);
  trace.workers = {gpus("h200", slow * 49, 1), gpus("h200", slow, 1.0 / 8)};
  trace.workers[1].name = "slow";
  trace.models = {{"video@1", 60, 30 * kGiB}};
  add_jobs(trace, scaled(16, scale), 1'000, 10, 0);
  return trace;
}

FarmTrace studio(double scale) {
  FarmTrace trace;
  trace.workers = {gpus("h200", scaled(10'000, scale), 1)};
  for (std::uint32_t j = 0; j < scaled(1'000, scale); ++j) {
    TraceJob job;
    job.name = fmt::format("job{}", j + 1);
    job.show = fmt::format("show{}", j % 10);
    TraceLayer layer;
    layer.name = "frames";
    layer.tasks = 10'000;
    layer.task_s = 12;
    job.layers.push_back(layer);
    trace.jobs.push_back(std::move(job));
  }
  return trace;
}

TraceLayer random_layer(const FarmTrace& trace, Dice& random, std::size_t before) {
  TraceLayer layer;
  layer.name = fmt::format("l{}", before + 1);
  layer.task_s = static_cast<double>(random.between(5, 600)) / 10;
  layer.tasks = static_cast<std::uint32_t>(std::pow(10, static_cast<double>(random.between(0, 30)) / 10));
  layer.noise = random.chance(50) ? static_cast<double>(random.between(5, 50)) / 100 : 0;
  if (random.chance(65))
    layer.model =
        trace.models[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(trace.models.size()) - 1))]
            .name;
  else
    layer.start_s = static_cast<double>(random.between(0, 20)) / 10;
  layer.chain = !layer.model.empty() && random.chance(20);
  if (layer.chain) layer.tasks = std::min(layer.tasks, 20u);
  if (before > 0 && random.chance(50)) layer.after.push_back(static_cast<std::uint32_t>(before - 1));
  return layer;
}

}  // namespace

const std::vector<NamedFarm>& named_farms() {
  static const std::vector<NamedFarm> kFarms{
      {"three-speeds", "1,000 GPUs of three speeds, 1,000 jobs of 1,000 frames", three_speeds},
      {"sixty-four", "64 equal GPUs, 10 jobs of 1,000 frames", [](double) { return sixty_four(0); }},
      {"noise", "the same, where what a frame takes varies by 30 %", [](double) { return sixty_four(0.3); }},
      {"slow", "100 GPUs, two of them eight times slower, 16 jobs of 1,000 frames", with_slow},
      {"studio", "10,000 workers, 1,000 jobs of 10,000 frames", studio}};
  return kFarms;
}

const NamedFarm* find_named_farm(std::string_view name) {
  const auto& farms = named_farms();
  const auto found = std::find_if(farms.begin(), farms.end(), [&](const NamedFarm& farm) { return farm.name == name; });
  return found == farms.end() ? nullptr : &*found;
}

FarmTrace random_trace(std::uint64_t seed) {
  Dice random(seed);
  FarmTrace trace;
  const auto kinds = random.between(1, 3);
  for (std::int64_t k = 0; k < kinds; ++k) {
    static constexpr std::uint64_t kMemory[] = {24 * kGiB, 48 * kGiB, 80 * kGiB, 141 * kGiB};
    // The first kind can take every model.
    const std::uint64_t memory = k == 0 ? kMemory[3] : kMemory[random.between(0, 3)];
    TraceWorkers workers = gpus("w", static_cast<std::uint32_t>(random.between(1, 40)),
                                static_cast<double>(random.between(2, 10)) / 10, memory);
    workers.name = fmt::format("w{}", k + 1);
    workers.device_class = fmt::format("cuda {}", k + 1);
    workers.slots = random.chance(30) ? 8 : 1;
    if (k > 0 && random.chance(30)) workers.at_s = static_cast<double>(random.between(0, 3'600));
    trace.workers.push_back(workers);
  }
  const auto models = random.between(1, 3);
  for (std::int64_t m = 0; m < models; ++m)
    trace.models.push_back({fmt::format("model{}@1", m + 1), static_cast<double>(random.between(0, 120)),
                            static_cast<std::uint64_t>(random.between(4, 120)) * kGiB});
  const auto count = random.between(3, 40);
  double at = 0;
  for (std::int64_t j = 0; j < count; ++j) {
    TraceJob job;
    job.name = fmt::format("job{}", j + 1);
    job.show = fmt::format("show{}", random.between(1, 3));
    job.user = fmt::format("user{}", random.between(1, 6));
    job.priority = random.chance(20) ? static_cast<std::int32_t>(random.between(20, 90)) : 50;
    at += random.chance(50) ? 0 : static_cast<double>(random.between(0, 1'200));
    job.at_s = at;
    if (random.chance(30)) job.deadline_s = at + static_cast<double>(random.between(60, 7'200));
    const auto layers = random.between(1, 3);
    for (std::int64_t l = 0; l < layers; ++l) job.layers.push_back(random_layer(trace, random, job.layers.size()));
    trace.jobs.push_back(std::move(job));
  }
  return trace;
}

}  // namespace framemill::sim
