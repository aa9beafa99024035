#include "scheduler/daemon/farm_service.h"

#include <set>

#include "tests/scheduler_daemon/daemon_fixture.h"

namespace framemill::scheduler {
namespace {

using test::command_spec;
using test::DaemonFixture;

SubmitRequest request_of(const std::string& principal, const std::string& token) {
  SubmitRequest request;
  request.principal = principal;
  request.token = token;
  request.format = jobs::SpecFormat::Toml;
  request.text = command_spec("a");
  return request;
}

template <class T>
base::Result<T> ask(DaemonFixture& farm, const std::function<void(Reply<T>)>& call) {
  std::optional<base::Result<T>> answer;
  call([&](base::Result<T> reply) { answer = std::move(reply); });
  REQUIRE(farm.run_until([&] { return answer.has_value(); }));
  return *std::move(answer);
}

std::vector<std::uint32_t> ids_of(DaemonFixture& farm, const JobFilter& filter) {
  const auto jobs = ask<std::vector<JobView>>(
      farm, [&](Reply<std::vector<JobView>> reply) { farm.service->list_jobs(filter, std::move(reply)); });
  std::vector<std::uint32_t> ids;
  for (const JobView& job : *jobs) ids.push_back(job.id.value);
  return ids;
}

TEST_CASE("an Idempotency-Key answers the same job for the same body and refuses every other") {
  DaemonFixture farm;
  SubmitRequest request = request_of("ana", "key-1");
  request.overrides = {{"priority", "60"}};
  const auto first = farm.submit(request);
  REQUIRE(first.ok());
  REQUIRE(first->errors.empty());
  CHECK_FALSE(first->submitted.repeated);
  const auto again = farm.submit(request);
  REQUIRE(again.ok());
  CHECK(again->submitted.job == first->submitted.job);
  CHECK(again->submitted.repeated);

  const auto code_of = [&](const SubmitRequest& other) {
    const auto reply = farm.submit(other);
    return reply.ok() ? "job " + std::to_string(reply->submitted.job.value) : reply.error().code;
  };
  SubmitRequest other = request;
  other.overrides = {{"priority", "61"}};
  CHECK(code_of(other) == "submit.key_reused");
  other.overrides = {};
  CHECK(code_of(other) == "submit.key_reused");
  other.overrides = {{"priority", "60"}, {"name", "\"b\""}};
  CHECK(code_of(other) == "submit.key_reused");
  other = request;
  other.text += "\n# another text\n";
  CHECK(code_of(other) == "submit.key_reused");
  // A pair is not the text of another pair.
  other = request;
  other.overrides = {{"priority", "6"}};
  CHECK(code_of(other) == "submit.key_reused");
  // The key is one principal's.
  other = request;
  other.principal = "ben";
  CHECK(code_of(other) == "job 2");
  // It holds over a restart.
  farm.start();
  CHECK(farm.submit(request)->submitted.job == first->submitted.job);
  other = request;
  other.overrides = {{"priority", "61"}};
  CHECK(code_of(other) == "submit.key_reused");
}

TEST_CASE("a list of jobs holds what the filter takes, newest first, and pages go on where the last one ended") {
  DaemonFixture farm;
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 1; i <= 40; ++i) {
    SubmitRequest request = request_of(i % 3 == 0 ? "ben" : "ana", "");
    request.text = command_spec("j" + std::to_string(i), 1);
    request.overrides = {{"show", i % 2 == 0 ? "\"even\"" : "\"odd\""}};
    REQUIRE(farm.submit(request)->errors.empty());
    all.insert(all.begin(), i);
  }
  JobFilter filter;
  filter.limit = 1000;
  CHECK(ids_of(farm, filter) == all);
  filter.principal = "ben";
  filter.show = "even";
  CHECK(ids_of(farm, filter) == std::vector<std::uint32_t>{36, 30, 24, 18, 12, 6});
  filter.limit = 4;
  CHECK(ids_of(farm, filter) == std::vector<std::uint32_t>{36, 30, 24, 18});
  filter.before = JobId(18);
  CHECK(ids_of(farm, filter) == std::vector<std::uint32_t>{12, 6});
  filter = {};
  filter.shot = "sh20";
  CHECK(ids_of(farm, filter).empty());
  filter = {};
  filter.live = false;
  CHECK(ids_of(farm, filter).empty());
  filter.live = true;
  filter.limit = 17;  // more than one piece
  CHECK(ids_of(farm, filter) == std::vector<std::uint32_t>(all.begin(), all.begin() + 17));
}

TEST_CASE("all workers are listed, however many pieces that takes") {
  DaemonFixture farm;
  std::set<std::string> names;
  for (int i = 0; i < 21; ++i) {
    WorkerReported report;
    report.key = net::make_curve_key_pair().public_key.z85();
    report.incarnation = 1;
    report.sequence = 1;
    report.inventory.emplace();
    report.inventory->name = "w" + std::to_string(i);
    names.insert(report.inventory->name);
    farm.scheduler->apply(std::move(report));
  }
  const auto workers = ask<std::vector<WorkerView>>(
      farm, [&](Reply<std::vector<WorkerView>> reply) { farm.service->list_workers(std::move(reply)); });
  std::set<std::string> listed;
  for (const WorkerView& worker : *workers) listed.insert(worker.name);
  CHECK(workers->size() == 21);
  CHECK(listed == names);
}

TEST_CASE("questions about a job that is not there are answered with job.unknown") {
  DaemonFixture farm;
  CHECK(ask<JobView>(farm, [&](Reply<JobView> r) { farm.service->show_job(JobId(7), r); }).error().code ==
        "job.unknown");
  CHECK(ask<PlanView>(farm, [&](Reply<PlanView> r) { farm.service->plan(JobId(7), r); }).error().code == "job.unknown");
  FrameQuery frames;
  frames.job = JobId(7);
  CHECK(ask<FramePage>(farm, [&](Reply<FramePage> r) { farm.service->frames(frames, r); }).error().code ==
        "job.unknown");
  AttemptQuery attempts;
  attempts.job = JobId(7);
  CHECK(ask<AttemptPage>(farm, [&](Reply<AttemptPage> r) { farm.service->attempts(attempts, r); }).error().code ==
        "job.unknown");
}

TEST_CASE("more requests than may wait are refused with farm.busy, and served again when there is room") {
  DaemonFixture farm;
  REQUIRE(farm.submit("a").ok());
  int served = 0, refused = 0;
  const auto count = [&](const base::Result<JobView>& reply) {
    if (reply.ok()) {
      ++served;
    } else {
      CHECK(reply.error().code == "farm.busy");
      ++refused;
    }
  };
  // The loop does not run meanwhile.
  for (int i = 0; i < 2000; ++i) farm.service->show_job(JobId(1), count);
  CHECK(served == 0);
  CHECK(refused >= 1000);
  // Those who change something, and those who ask whether it is well, do not stand in that line.
  std::optional<base::Result<Health>> health;
  farm.service->health([&](base::Result<Health> reply) { health = std::move(reply); });
  REQUIRE(farm.submit("b").ok());
  CHECK(health->ok());
  REQUIRE(farm.run_until([&] { return served + refused == 2000; }));
  farm.service->show_job(JobId(1), count);
  CHECK(farm.run_until([&] { return served + refused == 2001; }));
}

TEST_CASE("the loop goes on between the pieces of what fifty viewers ask without a pause") {
  DaemonFixture farm;
  constexpr int kJobs = 1500, kViewers = 50;
  int answered = 0;
  for (int i = 0; i < kJobs; ++i) {
    SubmitRequest request = request_of("ana", "");
    request.text = command_spec("j" + std::to_string(i), 3);
    farm.service->submit(std::move(request), [&](const base::Result<SubmitReply>&) { ++answered; });
    if (i % 200 == 199) REQUIRE(farm.run_until([&] { return answered == i + 1; }));
  }
  REQUIRE(farm.run_until([&] { return answered == kJobs; }));
  JobFilter filter;
  filter.limit = 1001;
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point from) {
    return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
  };
  const auto start = Clock::now();
  REQUIRE(farm.scheduler->farm().list_jobs(false).size() == kJobs);
  const double whole_list_ms = ms_since(start);

  // Each viewer asks again as soon as it has its answer; a heartbeat notes how long the loop did not come round.
  int lists = 0;
  bool over = false;
  std::function<void()> look = [&] {
    farm.service->list_jobs(filter, [&](const base::Result<std::vector<JobView>>& jobs) {
      REQUIRE(jobs.ok());
      CHECK(jobs->size() == 1001);
      ++lists;
      if (!over) look();
    });
  };
  std::vector<double> gaps;
  auto last = Clock::now();
  std::function<void()> beat = [&] {
    gaps.push_back(ms_since(last));
    last = Clock::now();
    if (!over) farm.loop.post(beat);
  };
  for (int i = 0; i < kViewers; ++i) look();
  farm.loop.post(beat);
  REQUIRE(farm.run_until([&] { return lists >= 3 * kViewers; }));
  over = true;
  REQUIRE(farm.run_until([&] { return lists >= 4 * kViewers - 1; }));
  std::sort(gaps.begin(), gaps.end());
  const double usual_ms = gaps[gaps.size() / 2];
  INFO("whole list " << whole_list_ms << " ms, heartbeat " << usual_ms << " ms, " << gaps.size() << " beats");
  // All viewers in a row would hold it fifty lists long between any two beats.
  CHECK(usual_ms < 15 * std::max(whole_list_ms, 1.0));
}

}  // namespace
}  // namespace framemill::scheduler
