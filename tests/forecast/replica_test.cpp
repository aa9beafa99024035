// The replica says of live jobs what the farm's own records say, however the records reach it.
#include "forecast/replica.h"

#include <catch2/catch.hpp>

#include "forecast/future.h"
#include "tests/forecast/truth.h"

namespace framemill::forecast {
namespace {

using namespace scheduler;
using namespace forecast::testing;

std::size_t size_of(const RecordSet& records) {
  std::size_t size = 0;
  records.each([&](const auto&) { ++size; });
  return size;
}

TEST_CASE("a replica keeps the latest of each key, and drops a job with all that is its own when it is over") {
  Truth truth([](const TaskRun&, Draws&) { return 10.0; }, 1);
  truth.join("one");
  const JobId job = truth.submit(spec("x", commands("grain", 4)));
  truth.run_for(base::seconds(15));

  Replica replica;
  replica.restore(truth.farm.farm().records());
  REQUIRE(replica.job(job) != nullptr);
  CHECK(is_whole(replica, *replica.job(job)));
  CHECK(replica.records().of<AttemptRecord>().size() >= 1);
  CHECK(replica.records().of<WorkerRecord>().size() == 1);

  truth.run_for(base::seconds(100));
  Persist turn;
  turn.puts = truth.farm.farm().records();
  const std::uint64_t before = replica.changes();
  replica.take(turn);
  CHECK(replica.changes() > before);
  CHECK(replica.job(job) == nullptr);
  CHECK(replica.records().of<PhaseRecord>().empty());
  CHECK(replica.records().of<TaskPageRecord>().empty());
  CHECK(replica.records().of<AttemptRecord>().empty());
  const auto ended = replica.take_ended();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].job == job);
  CHECK(ended[0].state == jobs::JobState::Done);
  CHECK(replica.take_ended().empty());

  // What comes later of such a job changes nothing.
  const std::size_t size = size_of(replica.records());
  PhaseRecord late;
  late.id = {job, 0};
  Persist rest;
  rest.puts = {late};
  replica.take(rest);
  CHECK(size_of(replica.records()) == size);
}

TEST_CASE("a job that is reopened without its phases is left out of futures") {
  Truth truth([](const TaskRun&, Draws&) { return 10.0; }, 1);
  truth.join("one");
  const JobId job = truth.submit(spec("x", commands("grain", 4)));
  truth.run_for(base::seconds(15));
  Replica replica;
  for (const Record& record : truth.farm.farm().records())
    if (std::holds_alternative<JobRecord>(record)) replica.restore({record});
  REQUIRE(replica.job(job) != nullptr);
  CHECK_FALSE(is_whole(replica, *replica.job(job)));
  Budget budget = unlimited(2);
  const Forecasts told = look_ahead({replica, {}, {}, truth.farm.wall()}, budget, 1, nullptr);
  CHECK(told.find(job) == nullptr);
}

TEST_CASE("erased troubles leave the replica, and an attempt that ended leaves it and is learned from") {
  Truth truth([](const TaskRun&, Draws&) { return 10.0; }, 1);
  truth.join("one");
  const JobId job = truth.submit(spec("x", commands("grain", 4)));
  truth.run_for(base::seconds(15));
  Replica replica;
  replica.restore(truth.farm.farm().records());
  TaskTroubleRecord trouble;
  trouble.phase = {job, 0};
  trouble.task = 2;
  Persist turn;
  turn.puts = {trouble};
  replica.take(turn);
  CHECK(replica.records().of<TaskTroubleRecord>().size() == 1);
  Persist erase;
  erase.troubles_erased = {{trouble.phase, 2}};
  replica.take(erase);
  CHECK(replica.records().of<TaskTroubleRecord>().empty());

  AttemptRecord ended = replica.records().of<AttemptRecord>().begin()->second;
  ended.live = false;
  ended.tasks_committed = 1;
  const std::size_t live = replica.records().of<AttemptRecord>().size();
  Persist end;
  end.puts = {ended};
  replica.take(end);
  CHECK(replica.records().of<AttemptRecord>().size() == live - 1);
}

}  // namespace
}  // namespace framemill::forecast
