#include <catch2/catch.hpp>

#include "scheduler/daemon/farm_figures.h"
#include "scheduler/daemon/turn_figures.h"

namespace framemill::scheduler {
namespace {

using jobs::JobState;
using jobs::TaskState;

JobRow job(std::uint32_t id, JobState state, const std::function<void(JobView&)>& change = {}) {
  auto view = std::make_shared<JobView>();
  view->id = JobId(id);
  view->state = state;
  LayerView layer;
  layer.name = "paint";
  layer.tasks[static_cast<std::size_t>(TaskState::Waiting)] = 3;
  layer.tasks[static_cast<std::size_t>(TaskState::Ready)] = 2;
  view->tasks = layer.tasks;
  view->layers = {layer};
  if (change) change(*view);
  return view;
}

std::string text_of(const monitoring::Metrics::Source& source) {
  monitoring::Metrics metrics;
  metrics.add_source(source);
  return metrics.text();
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

AttemptRecord ended(jobs::Outcome outcome, std::uint64_t compute_us, std::uint64_t load_us, std::uint64_t lost_us) {
  AttemptRecord record;
  record.live = false;
  record.outcome = outcome;
  record.usage.compute_us = compute_us;
  record.usage.load_us = load_us;
  record.usage.lost_us = lost_us;
  return record;
}

}  // namespace

TEST_CASE("each task of a live job that is not at work is counted under one reason") {
  const std::vector<JobRow> rows = {
      job(1, JobState::Running),
      job(2, JobState::Queued, [](JobView& view) { view.holds.resize(1); }),
      job(3, JobState::Queued, [](JobView& view) { view.layers[0].condition.kind = Condition::Kind::Blocked; }),
      job(4, JobState::Running,
          [](JobView& view) {
            view.layers[0].condition.kind = Condition::Kind::Stuck;
            view.condition.kind = Condition::Kind::Stuck;
          }),
      job(5, JobState::Running, [](JobView& view) { view.condition.kind = Condition::Kind::Starved; }),
      job(6, JobState::Queued,
          [](JobView& view) { view.missing_inputs = {{"paint", "plates", "p.exr", 1, 1, {}, 0, ""}}; }),
      job(7, JobState::Done)};
  const std::string text = text_of([&](monitoring::Page& page) { write_jobs(page, rows); });
  INFO(text);
  for (const char* line :
       {"framemill_tasks_blocked{reason=\"dependency\"} 15", "framemill_tasks_blocked{reason=\"input_missing\"} 3",
        "framemill_tasks_blocked{reason=\"held\"} 2", "framemill_tasks_blocked{reason=\"blocked\"} 2",
        "framemill_tasks_blocked{reason=\"stuck\"} 2", "framemill_tasks_blocked{reason=\"starved\"} 2",
        "framemill_tasks_blocked{reason=\"queued\"} 4", "framemill_tasks{state=\"ready\"} 12",
        "framemill_jobs{state=\"done\"} 1", "framemill_jobs{state=\"running\"} 3", "framemill_jobs{state=\"paused\"} 0",
        "framemill_jobs_with_condition{condition=\"stuck\"} 1"})
    CHECK(has(text, line));
}

TEST_CASE("slots and memory are those of workers that can be used, and a root has what its tightest host has") {
  const auto worker = [](jobs::WorkerState state, std::uint64_t free_bytes) {
    auto view = std::make_shared<WorkerView>();
    view->state = state;
    view->slots.resize(3);
    view->slots[0].leases.resize(1);
    view->slots[0].booked_bytes = 100;
    view->slots[2].usable = false;
    view->roots = {{"main", true, free_bytes}, {"far", false, 5}};
    return view;
  };
  const std::vector<WorkerRow> rows = {worker(jobs::WorkerState::Up, 900), worker(jobs::WorkerState::Draining, 400),
                                       worker(jobs::WorkerState::Silent, 1)};
  const std::string text = text_of([&](monitoring::Page& page) { write_workers(page, rows); });
  INFO(text);
  for (const char* line : {"framemill_slots{state=\"busy\"} 2", "framemill_slots{state=\"idle\"} 2",
                           "framemill_slots{state=\"unusable\"} 2", "framemill_memory_booked_bytes 200",
                           "framemill_root_free_bytes{root=\"main\"} 400", "framemill_workers{state=\"silent\"} 1",
                           "framemill_workers{state=\"revoked\"} 0"})
    CHECK(has(text, line));
  CHECK(text.find("far") == std::string::npos);
}

TEST_CASE("turns count what they granted, committed and ended, and a job's wait for its first grant once") {
  monitoring::Metrics metrics;
  TurnFigures figures(metrics);
  auto before = std::make_shared<JobView>();
  before->id = JobId(1);
  figures.expect({before});  // it waits since an earlier start

  const auto started = [](std::uint32_t id, std::int64_t submitted_ms, std::int64_t started_ms) {
    JobRecord record;
    record.id = JobId(id);
    record.submitted.time.unix_ms = submitted_ms;
    record.started.unix_ms = started_ms;
    return record;
  };
  Effects first;
  first.happened = {JobEvent{JobEvent::What::Submitted, JobId(2), {}, {}},
                    JobEvent{JobEvent::What::Submitted, JobId(3), {}, {}}};
  first.grants.resize(2);
  first.persist.puts = {started(1, 1'000, 91'000),
                        started(2, 1'000, 1'000),
                        started(3, 1'000, 0),
                        CommitRecord{},
                        CommitRecord{},
                        ended(jobs::Outcome::Ok, 1'500'000, 250'000, 0),
                        ended(jobs::Outcome::Failed, 0, 0, 3'000'000),
                        AttemptRecord{}};
  figures.turn_begun();
  figures.turn(first);
  figures.turn_begun();  // an answer began another one
  figures.turn_over();
  figures.turn_over();
  Effects second;  // the same jobs are written again
  second.persist.puts = {started(1, 1'000, 91'000), started(2, 1'000, 1'000)};
  figures.turn(second);
  figures.committed(std::chrono::microseconds(2'000));

  const std::string text = metrics.text();
  INFO(text);
  for (const char* line :
       {"framemill_attempts_granted_total 2", "framemill_tasks_committed_total 2",
        "framemill_attempts_ended_total{outcome=\"ok\"} 1", "framemill_attempts_ended_total{outcome=\"failed\"} 1",
        "framemill_attempts_ended_total{outcome=\"oom\"} 0", "framemill_device_seconds_total{use=\"useful\"} 1.5",
        "framemill_device_seconds_total{use=\"load\"} 0.25", "framemill_device_seconds_total{use=\"lost\"} 3",
        "framemill_job_queue_wait_seconds_count 2", "framemill_job_queue_wait_seconds_sum 90",
        "framemill_job_queue_wait_seconds_bucket{le=\"1\"} 1", "framemill_loop_turn_seconds_count 1",
        "framemill_store_commit_seconds_bucket{le=\"0.0025\"} 1"})
    CHECK(has(text, line));
}

}  // namespace framemill::scheduler
