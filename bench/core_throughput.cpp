// What the scheduler's core alone can do, without a store, a network or other processes: no-op tasks per second in
// chunks of one, how long a turn takes, and what an idle slot costs in memory, for farms of four sizes. Times are the
// thread's own CPU time, because others may use the machine, and ratios to the smallest farm tell how the cost grows.
//
//   core-throughput [--shape 16|100|1000|10000]... [--seconds 5] [--tasks N] [--slots 4] [--shares 50]
//
// With --shares each farm is measured with all jobs in one share and with so many shows of four users each, in turns.
//
// One short shape under a profiler counts instructions where times mean nothing:
//   valgrind --tool=callgrind core-throughput --shape 16 --slots 16 --tasks 3000
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>
#include <vector>

#include "bench/echo_farm.h"

namespace {

std::size_t live_bytes = 0;  // on the heap, with what the allocator rounds up

void* counted(std::size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  live_bytes += malloc_usable_size(memory);
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
void operator delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace {

using namespace framemill;
using namespace framemill::scheduler;
using bench::EchoFarm;
using bench::FarmShape;

constexpr std::uint64_t kTasksOfJobMost = 1'000'000;  // that a spec may have

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Figures {
  double tasks_per_second = 0;
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
  double bytes_per_slot = 0;       // of an idle farm: workers, slots and all that finds them
  double bytes_per_more_slot = 0;  // what one slot more costs on a worker that is there already
};

double idle_bytes(const FarmShape& shape) {
  EchoFarm farm(shape);
  const std::size_t before = live_bytes;
  farm.connect_all();
  return static_cast<double>(live_bytes - before);
}

Figures measure(const FarmShape& shape, double seconds, std::uint64_t tasks) {
  Figures figures;
  FarmShape doubled = shape;
  doubled.slots *= 2;
  const double slots = shape.workers * shape.slots, idle = idle_bytes(shape);
  figures.bytes_per_slot = idle / slots;
  figures.bytes_per_more_slot = (idle_bytes(doubled) - idle) / slots;

  EchoFarm farm(shape);
  farm.submit_all(tasks);
  std::vector<float> turns_ms;
  turns_ms.reserve(4'000'000);
  double end = cpu_ms() + seconds * 1000;
  const EchoFarm::Around timed = [&](const EchoFarm::Turn& turn) {
    const double turn_start = cpu_ms();
    turn();
    const double turn_end = cpu_ms();
    turns_ms.push_back(static_cast<float>(turn_end - turn_start));
    return turn_end < end;
  };
  farm.connect_all(timed);
  const double start = cpu_ms();
  end = start + seconds * 1000;
  farm.run(timed);
  figures.tasks_per_second = static_cast<double>(farm.commits()) / (cpu_ms() - start) * 1000;
  std::sort(turns_ms.begin(), turns_ms.end());
  if (turns_ms.empty()) return figures;
  figures.p50_ms = turns_ms[turns_ms.size() / 2];
  figures.p99_ms = turns_ms[turns_ms.size() * 99 / 100];
  figures.max_ms = turns_ms.back();
  return figures;
}

// What a tree of shares costs: the better of two runs each, in turns.
void compare_shares(const FarmShape& shape, std::uint32_t shows, double seconds, std::uint64_t tasks) {
  FarmShape shared = shape;
  shared.shares = shows;
  double one = 0, many = 0;
  for (int round = 0; round < 2; ++round) {
    one = std::max(one, measure(shape, seconds, tasks).tasks_per_second);
    many = std::max(many, measure(shared, seconds, tasks).tasks_per_second);
  }
  fmt::print(
      "{} workers x {} slots, {} jobs, {} request classes: one share {:.0f} tasks/s, {} shows x 4 users {:.0f} "
      "({:.2f})\n",
      shape.workers, shape.slots, shape.jobs, shape.classes, one, shows, many, many / one);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What the scheduler's core alone can do, by size of the farm"};
  std::vector<std::uint32_t> chosen{16, 100, 1'000, 10'000};
  double seconds = 5;
  std::uint64_t tasks = 0;
  std::uint32_t slots = 4, shows = 0;
  app.add_option("--shape", chosen, "farms to measure, by workers: 16, 100, 1000, 10000")
      ->check(CLI::IsMember({16, 100, 1'000, 10'000}));
  app.add_option("--seconds", seconds, "at most, per farm")->capture_default_str();
  app.add_option("--tasks", tasks, "in all, per farm; 0: as many as there is time for");
  app.add_option("--slots", slots, "per worker")->capture_default_str();
  app.add_option("--shares", shows, "shows of four users each, compared with one share");
  CLI11_PARSE(app, argc, argv);
  const std::map<std::uint32_t, FarmShape> shapes{{16, {16, slots, 1, 1, 1}},
                                                  {100, {100, slots, 50, 1, 1}},
                                                  {1'000, {1'000, slots, 200, 10, 1}},
                                                  {10'000, {10'000, slots, 1'000, 20, 1}}};
  double first = 0;
  for (const std::uint32_t workers : chosen) {
    const FarmShape& shape = shapes.at(workers);
    if (shows > 0) {
      compare_shares(shape, shows, seconds, tasks == 0 ? kTasksOfJobMost * shape.jobs : tasks);
      continue;
    }
    const Figures f = measure(shape, seconds, tasks == 0 ? kTasksOfJobMost * shape.jobs : tasks);
    if (first == 0) first = f.tasks_per_second;
    fmt::print(
        "{} workers x {} slots, {} jobs, {} request classes: {:.0f} tasks/s ({:.2f} of the first), turn p50 {:.3f}, "
        "p99 {:.3f}, max {:.2f} ms, {:.0f} bytes per idle slot with its worker, {:.0f} per further slot\n",
        shape.workers, shape.slots, shape.jobs, shape.classes, f.tasks_per_second, f.tasks_per_second / first, f.p50_ms,
        f.p99_ms, f.max_ms, f.bytes_per_slot, f.bytes_per_more_slot);
  }
  return 0;
}
