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
  const auto jobs = ask<std::vector<JobRow>>(
      farm, [&](Reply<std::vector<JobRow>> reply) { farm.service->list_jobs(filter, std::move(reply)); });
  std::vector<std::uint32_t> ids;
  for (const JobRow& job : *jobs) ids.push_back(job->id.value);
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

TEST_CASE("a list of jobs holds what the filter takes, newest first, and each page begins where the last one ended") {
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
  filter.limit = 17;
  CHECK(ids_of(farm, filter) == std::vector<std::uint32_t>(all.begin(), all.begin() + 17));
}

TEST_CASE("a list is of what the filter takes: person, place, tag, text, time and condition") {
  DaemonFixture farm;
  const auto submit = [&](const std::string& principal, const std::string& name, jobs::SpecOverrides overrides) {
    SubmitRequest request = request_of(principal, "");
    request.text = command_spec(name, 1);
    request.overrides = std::move(overrides);
    REQUIRE(farm.submit(request)->errors.empty());
  };
  submit("ana", "sea", {{"sequence", "\"hb\""}, {"tags", "[\"dailies\", \"Über\"]"}});
  submit("ben", "wood", {{"sequence", "\"hb\""}});
  submit("ben", "SEASIDE", {{"tags", "[\"dailies\"]"}});
  const auto ids = [&](const std::function<void(JobFilter&)>& narrow) {
    JobFilter filter;
    narrow(filter);
    return ids_of(farm, filter);
  };
  using Ids = std::vector<std::uint32_t>;
  CHECK(ids([](JobFilter& f) { f.sequence = "hb"; }) == Ids{2, 1});
  CHECK(ids([](JobFilter& f) { f.tag = "dailies"; }) == Ids{3, 1});
  CHECK(ids([](JobFilter& f) { f.tag = "daili"; }).empty());
  CHECK(ids([](JobFilter& f) { f.text = "Sea"; }) == Ids{3, 1});
  CHECK(ids([](JobFilter& f) {
          f.text =
              "\xC3\xBC"
              "BER";
        }) == Ids{1});
  CHECK(ids([](JobFilter& f) { f.text = "ben"; }) == Ids{3, 2});
  CHECK(ids([](JobFilter& f) {
          f.text = "ben";
          f.tag = "dailies";
        }) == Ids{3});
  // No worker has connected.
  CHECK(ids([](JobFilter& f) { f.condition = Condition::Kind::Blocked; }) == Ids{3, 2, 1});
  CHECK(ids([](JobFilter& f) { f.condition = Condition::Kind::Stuck; }).empty());
  const base::WallTime now = base::wall_now();
  CHECK(ids([&](JobFilter& f) { f.since = {now.unix_ms - 600'000}; }) == Ids{3, 2, 1});
  CHECK(ids([&](JobFilter& f) { f.since = {now.unix_ms + 600'000}; }).empty());
}

TEST_CASE("hundreds of jobs are changed in pieces, and what others ask goes on in between") {
  DaemonFixture farm;
  for (std::uint32_t i = 1; i <= 200; ++i) {
    SubmitRequest request = request_of(i <= 150 ? "ana" : "ben", "");
    request.text = command_spec("j" + std::to_string(i), 1);
    REQUIRE(farm.submit(request)->errors.empty());
  }
  JobsChange change;
  change.principal = "root";
  change.reason = "wrong plates";
  change.filter.principal = "ana";
  change.selected = "jobs of ana";
  change.dry_run = true;
  const auto change_them = [&](Reply<JobsChangeReply> reply) { farm.service->change_jobs(change, std::move(reply)); };
  const auto would = ask<JobsChangeReply>(farm, change_them);
  CHECK(would->matched == 150);
  CHECK(would->changed == 0);
  CHECK(would->jobs.size() == kSelectedJobsShown);
  CHECK(would->jobs.front()->id == JobId(150));
  JobFilter live;
  live.live = true;
  live.limit = 1000;
  CHECK(ids_of(farm, live).size() == 200);

  change.dry_run = false;
  std::optional<base::Result<JobsChangeReply>> done;
  std::optional<bool> asked_in_between;
  farm.service->change_jobs(change, [&](base::Result<JobsChangeReply> reply) { done = std::move(reply); });
  JobChange one;
  one.principal = "ben";
  one.job = JobId(160);
  farm.service->change_job(one, [&](const base::Result<Changed>&) { asked_in_between = !done.has_value(); });
  REQUIRE(farm.run_until([&] { return done && asked_in_between; }));
  REQUIRE(done->ok());
  CHECK((*done)->changed == 150);
  CHECK((*done)->skipped == 0);
  CHECK(*asked_in_between);
  CHECK(ids_of(farm, live).size() == 49);
  // All of it survives; who is over is not changed again.
  farm.start();
  CHECK(ids_of(farm, live).size() == 49);
  CHECK(ask<JobsChangeReply>(farm, change_them)->matched == 0);
}

TEST_CASE("all workers are listed, by number") {
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
  const auto workers = ask<std::vector<WorkerRow>>(
      farm, [&](Reply<std::vector<WorkerRow>> reply) { farm.service->list_workers(std::move(reply)); });
  std::set<std::string> listed;
  for (const WorkerRow& worker : *workers) listed.insert(worker->name);
  REQUIRE(workers->size() == 21);
  CHECK(workers->front()->id < workers->back()->id);
  CHECK(listed == names);
}

TEST_CASE("questions about a job that is not there are answered with job.unknown") {
  DaemonFixture farm;
  CHECK(ask<JobRow>(farm, [&](Reply<JobRow> r) { farm.service->show_job(JobId(7), r); }).error().code == "job.unknown");
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
  ExplainQuery why;
  why.job = JobId(1);
  const auto count = [&](const base::Result<ExplainView>& reply) {
    if (reply.ok()) {
      ++served;
    } else {
      CHECK(reply.error().code == "farm.busy");
      ++refused;
    }
  };
  // The loop does not run meanwhile.
  for (int i = 0; i < 2000; ++i) farm.service->explain(why, count);
  CHECK(served == 0);
  CHECK(refused >= 1000);
  // Those who change something do not stand in that line; whether the scheduler is well is known without it.
  std::optional<base::Result<Health>> health;
  farm.service->health([&](base::Result<Health> reply) { health = std::move(reply); });
  REQUIRE(farm.submit("b").ok());
  CHECK(health->ok());
  REQUIRE(farm.run_until([&] { return served + refused == 2000; }));
  farm.service->explain(why, count);
  CHECK(farm.run_until([&] { return served + refused == 2001; }));
}

}  // namespace
}  // namespace framemill::scheduler
