// What is copied for those who watch, and when.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "scheduler/core/farm.h"

namespace framemill::scheduler {
namespace {

struct Watched {
  Farm farm;
  base::Now now{{1'000'000}, {1'800'000'000'000}};
  std::map<JobId, JobRow> jobs;
  std::set<JobId> made;
  std::vector<JobId> forgotten;
  ShareRows shares;

  explicit Watched(FarmSettings settings = {}) : farm(epoch_in(settings)) {
    farm.begin(now);
    take(farm.take_all_views(now));
  }
  static FarmSettings epoch_in(FarmSettings settings) {
    settings.epoch = {1, 1};
    return settings;
  }
  std::size_t take(ViewChanges changes) {
    for (const auto& plan : changes.made) CHECK(made.insert(plan->job).second);
    for (const JobRow& row : changes.jobs) {
      CHECK(made.contains(row->id));
      jobs[row->id] = row;
    }
    if (changes.shares) shares = changes.shares;
    for (const JobId id : changes.forgotten) {
      CHECK(jobs.erase(id) == 1);
      forgotten.push_back(id);
    }
    return changes.jobs.size() + changes.workers.size();
  }
  // After the turn, as the shell does it.
  void apply(Event event) {
    farm.apply(std::move(event), now);
    if (farm.views_due() <= now.monotonic) take(farm.take_views(now));
  }
  void submit(int number) {
    jobs::ParsedSpec parsed = jobs::parse_spec(
        fmt::format("api = \"framemill/v1\"\nname = \"j{}\"\nshow = \"s\"\nshot = \"x\"\n[[layer]]\nname = \"run\"\n"
                    "kind = \"command\"\nargv = [\"true\"]\nchunk = 1\noutput = \"{{frame}}.png\"\nframes = \"1-4\"\n",
                    number),
        jobs::SpecFormat::Toml);
    JobSubmitted event;
    event.spec = std::make_shared<const jobs::JobSpec>(parsed.spec.value());
    event.cause.principal = fmt::format("person {}", number % 8);  // one may not have thousands of live jobs
    apply(std::move(event));
  }
  void change(JobId job, JobAction verb) {
    JobChangeRequested event;
    event.job = job;
    event.verb = verb;
    event.cause.principal = "ana";
    apply(std::move(event));
  }
};

TEST_CASE("what a person changes is copied with the turn that changes it") {
  Watched watched;
  watched.submit(1);
  REQUIRE(watched.jobs.contains(JobId(1)));
  const JobRow first = watched.jobs[JobId(1)];
  CHECK(first->state == jobs::JobState::Queued);
  watched.change(JobId(1), JobAction::Pause);
  CHECK(watched.jobs[JobId(1)]->state == jobs::JobState::Paused);
  CHECK(first->state == jobs::JobState::Queued);  // what was handed out stays as it was
  watched.change(JobId(1), JobAction::Cancel);
  CHECK(watched.jobs[JobId(1)]->state == jobs::JobState::Cancelled);
}

TEST_CASE("rows that time alone changes are copied a few at a time, and all of them in turn") {
  Watched watched;
  constexpr std::size_t kJobs = 2000;
  for (std::size_t i = 0; i < kJobs; ++i) watched.submit(static_cast<int>(i));
  REQUIRE(watched.jobs.size() == kJobs);
  const std::map<JobId, JobRow> before = watched.jobs;
  watched.now.monotonic = watched.now.monotonic + base::seconds(2);
  std::size_t rounds = 0, fresh = 0;
  while (fresh < kJobs && rounds < 500) {
    const base::Instant last = watched.now.monotonic;
    if (watched.farm.views_due() > last) {
      CHECK(watched.farm.views_due() - last >= base::milliseconds(100));
      watched.now.monotonic = watched.farm.views_due();
    }
    CHECK(watched.take(watched.farm.take_views(watched.now)) <= 300);
    ++rounds;
    fresh = 0;
    for (const auto& [id, row] : watched.jobs) fresh += row != before.at(id) ? 1 : 0;
  }
  CHECK(fresh == kJobs);
}

TEST_CASE("a worker that joins changes what is said of jobs that it never touched") {
  Watched watched;
  watched.submit(1);
  const std::string before = watched.jobs[JobId(1)]->condition.reason;
  WorkerReported report;
  report.key = "key";
  report.incarnation = report.sequence = 1;
  report.inventory.emplace();
  report.inventory->name = "w1";
  report.inventory->devices.push_back({"cpu0", "cpu", "a", DeviceKind::Cpu, 1ull << 33, 1ull << 33, 8});
  report.inventory->slots.push_back({0, "s0", 0, {}, true});
  watched.apply(report);
  for (int i = 0; i < 20; ++i) {
    watched.now.monotonic = watched.now.monotonic + base::milliseconds(100);
    if (watched.farm.views_due() <= watched.now.monotonic) watched.take(watched.farm.take_views(watched.now));
  }
  CHECK(watched.jobs[JobId(1)]->condition.reason != before);
  CHECK(watched.jobs[JobId(1)]->condition.reason == watched.farm.show_job(JobId(1))->condition.reason);
}

TEST_CASE("shares are copied when there is a new one or a person changes one, and else once a second") {
  Watched watched;
  watched.submit(1);
  REQUIRE(watched.shares != nullptr);
  CHECK(watched.shares->size() == 2);
  const ShareRows first = watched.shares;
  watched.submit(9);  // of the same person
  CHECK(watched.shares == first);
  watched.submit(2);
  REQUIRE(watched.shares->size() == 3);
  CHECK(watched.shares->at(2).path == "s/person 2");

  ShareChangeRequested event;
  event.path = "s";
  event.rules.weight = 2;
  event.cause.principal = "root";
  watched.apply(event);
  CHECK(watched.shares->at(0).weight == 2);
  const ShareRows changed = watched.shares;
  watched.now.monotonic = watched.now.monotonic + base::milliseconds(900);
  watched.take(watched.farm.take_views(watched.now));
  CHECK(watched.shares == changed);
  watched.now.monotonic = watched.now.monotonic + base::milliseconds(200);
  watched.take(watched.farm.take_views(watched.now));
  CHECK(watched.shares != changed);
}

TEST_CASE("a job that leaves the memory leaves the table") {
  FarmSettings settings;
  settings.finished_jobs_max = 2;
  Watched watched(settings);
  for (int i = 1; i <= 5; ++i) {
    watched.submit(i);
    watched.change(JobId(static_cast<std::uint32_t>(i)), JobAction::Cancel);
  }
  watched.now.monotonic = watched.now.monotonic + base::seconds(1);
  watched.take(watched.farm.take_views(watched.now));
  CHECK(watched.forgotten == std::vector<JobId>{JobId(1), JobId(2), JobId(3)});
  CHECK(watched.jobs.size() == 2);
}

}  // namespace
}  // namespace framemill::scheduler
