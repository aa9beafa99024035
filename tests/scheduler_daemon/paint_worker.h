// A worker that runs the command of DaemonFixture's jobs, as far as its reports go: a test says when it reports what.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/scheduler_daemon/daemon_fixture.h"

namespace framemill::scheduler::test {

struct PaintWorker {
  std::string key = net::make_curve_key_pair().public_key.z85();
  std::uint64_t incarnation = 1, sequence = 0;

  WorkerReported report() {
    WorkerReported report;
    report.key = key;
    report.incarnation = incarnation;
    report.sequence = ++sequence;
    return report;
  }
  WorkerReported with_inventory() {
    WorkerReported first = report();
    first.inventory.emplace();
    Inventory& all = *first.inventory;
    all.name = "w1";
    all.version = "1";
    all.devices = {{"cpu0", "Xeon", "cpu", DeviceKind::Cpu, 1 << 30, 1 << 30, 4}};
    all.slots = {{0, "cpu0", 0, {}, true}};
    all.roots = {{"main", true, 1 << 30, true}};
    all.commands = {"paint"};
    return first;
  }
};

// What the farm's first slot holds. The worker is connected to nothing: what it is granted ends as undeliverable once the
// loop runs, and it is granted more with its next report.
inline std::vector<SlotActivity::Lease> leases(DaemonFixture& farm) {
  const auto workers = farm.scheduler->farm().list_workers(base::now());
  if (workers.empty() || workers[0].slots.empty()) return {};
  return workers[0].slots[0].leases;
}

// Finishes the first leased task as if it had taken two seconds.
inline WorkerReported finish_one(DaemonFixture& farm, PaintWorker& worker) {
  const auto held = leases(farm);
  REQUIRE_FALSE(held.empty());
  WorkerReported report = worker.report();
  TaskFinished finished;
  finished.attempt = held[0].attempt;
  finished.phase = {held[0].job, 0};
  finished.task = held[0].tasks.first;
  finished.duration_us = 2'000'000;
  report.finished = {finished};
  AttemptEnded ended;
  ended.attempt = held[0].attempt;
  ended.device_class = "cpu";
  ended.usage.compute_us = 2'000'000;
  ended.usage.wall_us = 2'000'000;
  report.ended = {ended};
  for (std::size_t i = 1; i < held.size(); ++i) {
    AttemptRunning running;
    running.attempt = held[i].attempt;
    report.running.push_back(running);
  }
  return report;
}

}  // namespace framemill::scheduler::test
