#include "forecast/measured_durations.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "forecast/drawn_durations.h"
#include "tests/forecast/truth.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;
using namespace forecast::testing;

JobRecord job_record(std::uint32_t id, const std::string& layer, std::vector<jobs::PackageFacts> packages = {}) {
  VirtualFarm farm({}, {[](const TaskRun&, Draws&) { return 1.0; }, nullptr}, 1);
  farm.begin({0});
  const auto made = farm.submit(spec("x" + std::to_string(id), layer), std::move(packages), {});
  REQUIRE(made.ok());
  JobRecord job = *farm.farm().job(*made);
  job.id = JobId(id);
  return job;
}

void commit(MeasuredDurations& durations, const JobRecord& job, double seconds, std::uint32_t worker = 1,
            const std::string& device_class = "a", std::uint32_t phase = 0) {
  CommitRecord record;
  record.phase = {job.id, phase};
  record.worker = WorkerId(worker);
  record.device_class = device_class;
  record.duration_us = static_cast<std::uint64_t>(seconds * 1e6);
  durations.committed(job, record);
}

// Mean and spread of what is drawn for a job's tasks, over futures.
std::pair<double, double> drawn(const MeasuredDurations& durations, const JobRecord& job,
                                const std::string& device_class = "a", std::uint32_t worker = 1) {
  double sum = 0, squares = 0;
  const int futures = 400;
  for (int seed = 0; seed < futures; ++seed) {
    DrawnDurations future(durations, {static_cast<std::uint64_t>(seed), 0, 1});
    const double value = std::log(future.task_seconds(job, {job.id, 0}, 0, WorkerId(worker), device_class));
    sum += value, squares += value * value;
  }
  const double mean = sum / futures;
  return {std::exp(mean), std::sqrt(squares / futures - mean * mean)};
}

TEST_CASE("work is known once a task of its kind was measured, in whatever job") {
  MeasuredDurations durations;
  const JobRecord first = job_record(1, commands("grain", 10)), same = job_record(2, commands("grain", 10)),
                  other = job_record(3, commands("grade", 10));
  CHECK_FALSE(durations.knows(first, first.plan->phases[0]));
  commit(durations, first, 10);
  CHECK(durations.knows(first, first.plan->phases[0]));
  CHECK(durations.knows(same, same.plan->phases[0]));
  CHECK_FALSE(durations.knows(other, other.plan->phases[0]));
  CHECK(*durations.typical_seconds(same, same.plan->phases[0]) == Approx(10));
  CHECK_FALSE(durations.typical_seconds(other, other.plan->phases[0]));
}

TEST_CASE("the steps of a model and its phases are kinds of work of their own") {
  MeasuredDurations durations;
  const JobRecord few = job_record(1, windows("demo", 32, "steps = 10\n"), {package("demo")}),
                  many = job_record(2, windows("demo", 32, "steps = 40\n"), {package("demo")});
  commit(durations, few, 10);
  CHECK(durations.knows(few, few.plan->phases[0]));
  CHECK_FALSE(durations.knows(few, few.plan->phases[1]));
  CHECK_FALSE(durations.knows(many, many.plan->phases[0]));
  commit(durations, few, 1, 1, "a", 1);
  CHECK(durations.knows(many, many.plan->phases[1]));
}

TEST_CASE("what a job has shown narrows what is drawn for it, and another job of its kind stays wider") {
  MeasuredDurations durations;
  const JobRecord usual = job_record(1, commands("grain", 100)), slow = job_record(2, commands("grain", 100)),
                  fresh = job_record(3, commands("grain", 100));
  for (int i = 0; i < 30; ++i) commit(durations, usual, 10 * (i % 2 == 0 ? 0.95 : 1.05));
  for (int i = 0; i < 30; ++i) commit(durations, slow, 20 * (i % 2 == 0 ? 0.95 : 1.05));
  const auto of_usual = drawn(durations, usual), of_slow = drawn(durations, slow), of_fresh = drawn(durations, fresh);
  CHECK(of_usual.first == Approx(10).epsilon(0.1));
  CHECK(of_slow.first == Approx(20).epsilon(0.1));
  CHECK(of_fresh.first > 10);
  CHECK(of_fresh.first < 20);
  CHECK(of_fresh.second > 2 * of_slow.second);
}

TEST_CASE("device classes and slow workers are measured separately") {
  MeasuredDurations durations;
  const JobRecord job = job_record(1, commands("grain", 1000));
  for (int i = 0; i < 60; ++i) {
    commit(durations, job, 10, 1 + i % 4, "a");
    commit(durations, job, 30, 5, "b");
    commit(durations, job, 20, 6, "a");
  }
  CHECK(drawn(durations, job, "b", 5).first == Approx(30).epsilon(0.25));
  CHECK(drawn(durations, job, "a", 6).first > 1.4 * drawn(durations, job, "a", 2).first);
}

TEST_CASE("charged tries make tasks take longer, loads and what is beside a run are learned from attempts") {
  MeasuredDurations durations;
  const JobRecord job = job_record(1, commands("grain", 100));
  for (int i = 0; i < 50; ++i) commit(durations, job, 10);
  const double before = drawn(durations, job).first;
  AttemptRecord failed;
  failed.phase = {job.id, 0};
  failed.live = false;
  failed.outcome = jobs::Outcome::Failed;
  for (int i = 0; i < 40; ++i) durations.ended(job, failed);
  CHECK(drawn(durations, job).first > 1.1 * before);

  AttemptRecord fine;
  fine.phase = {job.id, 0};
  fine.live = false;
  fine.tasks_committed = 1;
  fine.usage.compute_us = 10'000'000;
  fine.usage.wall_us = 14'000'000;
  const double with_tries = drawn(durations, job).first;
  for (int i = 0; i < 20; ++i) durations.ended(job, fine);
  CHECK(drawn(durations, job).first == Approx(with_tries + 4).epsilon(0.1));

  const JobRecord clip = job_record(2, windows("demo", 32), {package("demo")});
  AttemptRecord loaded;
  loaded.phase = {clip.id, 0};
  loaded.live = false;
  loaded.device_class = "a";
  loaded.usage.load_us = 40'000'000;
  loaded.usage.model_loads = 2;
  durations.ended(clip, loaded);
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    sum += DrawnDurations(durations, {seed, 0, 1}).load_seconds(package("demo").root_digest, "a");
  CHECK(sum / 200 == Approx(20).epsilon(0.15));
}

TEST_CASE("attempts of an earlier process count for the tasks that they committed") {
  MeasuredDurations durations;
  const JobRecord job = job_record(1, commands("grain", 100));
  AttemptRecord recalled;
  recalled.phase = {job.id, 0};
  recalled.live = false;
  recalled.device_class = "a";
  recalled.tasks_committed = 5;
  recalled.usage.compute_us = 50'000'000;
  durations.ended(job, recalled, true);
  CHECK(*durations.typical_seconds(job, job.plan->phases[0]) == Approx(10));
}

TEST_CASE("kinds of work are bounded, and a job that is over leaves what it showed") {
  MeasuredDurations durations;
  const JobRecord job = job_record(1, commands("grain", 100));
  for (int i = 0; i < 10; ++i) commit(durations, job, 10);
  durations.over(job);
  const JobRecord next = job_record(2, commands("grain", 100));
  CHECK(*durations.typical_seconds(next, next.plan->phases[0]) == Approx(10));
}

TEST_CASE("a future says the same of a task whenever it is asked, and another future something else") {
  MeasuredDurations durations;
  const JobRecord job = job_record(1, commands("grain", 100));
  for (int i = 0; i < 20; ++i) commit(durations, job, 8 + i % 5);
  DrawnDurations one(durations, {7, 0, 4}), again(durations, {7, 0, 4}), other(durations, {7, 1, 4});
  const double first = one.task_seconds(job, {job.id, 0}, 3, WorkerId(1), "a");
  CHECK(one.task_seconds(job, {job.id, 0}, 9, WorkerId(1), "a") != first);
  CHECK(one.task_seconds(job, {job.id, 0}, 3, WorkerId(1), "a") == first);
  CHECK(again.task_seconds(job, {job.id, 0}, 3, WorkerId(1), "a") == first);
  CHECK(other.task_seconds(job, {job.id, 0}, 3, WorkerId(1), "a") != first);
}

TEST_CASE("the futures of one set spread what is uncertain about a job evenly") {
  MeasuredDurations durations;
  const JobRecord seen = job_record(1, commands("grain", 100)), fresh = job_record(2, commands("grain", 100));
  for (int i = 0; i < 64; ++i) commit(durations, seen, 10);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    int below = 0;
    for (std::uint32_t index = 0; index < 16; ++index) {
      DrawnDurations future(durations, {seed, index, 16});
      double sum = 0;  // over tasks, so that the job's own share is left
      for (TaskIndex task = 0; task < 100; ++task)
        sum += std::log(future.task_seconds(fresh, {fresh.id, 0}, task, WorkerId(1), "a"));
      below += sum / 100 < std::log(10.0);
    }
    CHECK(below >= 6);
    CHECK(below <= 10);
  }
}

}  // namespace
}  // namespace framemill::forecast
