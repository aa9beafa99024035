// Promise P9: watching never slows scheduling. What people look at is answered without the scheduler's loop, and is as
// new as what they were answered before.
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_client.h"
#include "scheduler/http/http_api.h"
#include "tests/scheduler_daemon/daemon_fixture.h"

namespace framemill::scheduler {
namespace {

using test::DaemonFixture;

JobRow shown(DaemonFixture& farm, std::uint32_t id) {  // the loop does not run meanwhile
  JobRow row;
  farm.service->show_job(JobId(id), [&](base::Result<JobRow> reply) { row = reply.ok() ? *reply : nullptr; });
  return row;
}

void change(DaemonFixture& farm, std::uint32_t id, JobAction verb) {
  JobChange change;
  change.principal = "ana";
  change.job = JobId(id);
  change.verb = verb;
  std::optional<base::Result<Changed>> answer;
  farm.service->change_job(change, [&](base::Result<Changed> reply) { answer = std::move(reply); });
  REQUIRE(farm.run_until([&] { return answer.has_value(); }));
  REQUIRE(answer->ok());
}

TEST_CASE(
    "lists, jobs, plans, workers, shares, limits and health are answered while the scheduler's loop stands still") {
  DaemonFixture farm;
  for (int i = 0; i < 30; ++i) REQUIRE(farm.submit(fmt::format("j{}", i), 2).ok());
  WorkerReported report;
  report.key = net::make_curve_key_pair().public_key.z85();
  report.incarnation = report.sequence = 1;
  report.inventory.emplace();
  report.inventory->name = "w1";
  farm.scheduler->apply(std::move(report));

  // From here on nothing runs the loop: an answer that needed it would not come.
  int answered = 0;
  std::thread viewers([&] {
    for (int i = 0; i < 50; ++i) {
      JobFilter filter;
      filter.limit = 1001;
      farm.service->list_jobs(
          filter, [&](base::Result<std::vector<JobRow>> jobs) { answered += jobs.ok() && jobs->size() == 30 ? 1 : 0; });
      farm.service->show_job(JobId(7), [&](base::Result<JobRow> job) {
        answered += job.ok() && (*job)->name == "j6" && (*job)->layers.size() == 1 ? 1 : 0;
      });
      farm.service->plan(JobId(7), [&](base::Result<PlanView> plan) {
        answered += plan.ok() && plan->spec->name == "j6" && plan->plan->phases.size() == 1 ? 1 : 0;
      });
      farm.service->list_workers([&](base::Result<std::vector<WorkerRow>> workers) {
        answered += workers.ok() && workers->size() == 1 && workers->front()->name == "w1" ? 1 : 0;
      });
      farm.service->list_shares([&](base::Result<ShareRows> shares) {
        answered += shares.ok() && (*shares)->size() == 2 && (*shares)->at(1).path == "test/ana" ? 1 : 0;
      });
      farm.service->list_limits([&](base::Result<LimitRows> limits) {
        answered += limits.ok() && *limits != nullptr && (*limits)->empty() ? 1 : 0;
      });
      farm.service->health([&](base::Result<Health> health) { answered += health.ok() && health->ready ? 1 : 0; });
    }
  });
  viewers.join();
  CHECK(answered == 50 * 7);
}

TEST_CASE("whoever was answered sees what was changed, before the loop comes round again") {
  DaemonFixture farm;
  const auto submitted = farm.submit("a");
  REQUIRE(submitted.ok());
  REQUIRE(shown(farm, 1) != nullptr);
  CHECK(shown(farm, 1)->state == jobs::JobState::Queued);
  change(farm, 1, JobAction::Pause);
  CHECK(shown(farm, 1)->state == jobs::JobState::Paused);
  change(farm, 1, JobAction::Resume);
  CHECK(shown(farm, 1)->state == jobs::JobState::Queued);
  change(farm, 1, JobAction::Cancel);
  CHECK(shown(farm, 1)->state == jobs::JobState::Cancelled);
  CHECK(shown(farm, 1)->last_change.principal == "ana");
  JobFilter live;
  live.live = true;
  farm.service->list_jobs(live, [&](base::Result<std::vector<JobRow>> jobs) { CHECK(jobs->empty()); });
  // A restart shows what it finds.
  farm.start();
  REQUIRE(shown(farm, 1) != nullptr);
  CHECK(shown(farm, 1)->state == jobs::JobState::Cancelled);
}

TEST_CASE("what changes by itself is shown within seconds") {
  DaemonFixture farm;
  REQUIRE(farm.submit("a").ok());
  const auto condition = [&] { return shown(farm, 1)->condition.reason; };
  const std::string before = condition();
  WorkerReported report;
  report.key = net::make_curve_key_pair().public_key.z85();
  report.incarnation = report.sequence = 1;
  report.inventory.emplace();
  report.inventory->name = "w1";
  report.inventory->devices.push_back({"cpu0", "cpu", "a", DeviceKind::Cpu, 1ull << 33, 1ull << 33, 8});
  report.inventory->slots.push_back({0, "s0", 0, {}, true});
  farm.scheduler->apply(report);  // the job is not touched by it
  CHECK(farm.run_until([&] { return condition() != before; }));
}

// What a thread has used of a processor.
double cpu_ms(pthread_t thread = ::pthread_self()) {
  clockid_t clock{};
  timespec time{};
  ::pthread_getcpuclockid(thread, &clock);
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

class Viewers {  // each asks for the list, and for a job, once a second
 public:
  Viewers(std::string url, int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, url, i] { look(url, i); });
  }
  ~Viewers() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  std::vector<double> list_ms() {
    const std::lock_guard lock(mutex_);
    return list_ms_;
  }

 private:
  void look(const std::string& url, int number) {
    auto client = net::HttpClient::open(url);
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * number));  // they did not all sit down at once
    while (!over_) {
      const auto started = std::chrono::steady_clock::now();
      const net::HttpHeaders token{{"Authorization", "Bearer token-of-viewer"}};
      const auto list = client->send({"GET", "/api/v1/jobs", token, "", ""});
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - started;
      if (list.ok() && list->status == 200) {
        const std::lock_guard lock(mutex_);
        list_ms_.push_back(took.count());
      }
      (void)client->send({"GET", fmt::format("/api/v1/jobs/{}", number + 1), token, "", ""});
      std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    }
  }

  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::vector<double> list_ms_;
  std::vector<std::thread> threads_;
};

// Processor time of the loop for the same work with fifty viewers over that with none, in the same run, with 10,000 jobs
// that are over. The goal is 1.05 (docs/measurements.md has what was measured); the bound here leaves room for caches
// that other tests share: the loop is busy for some 60 ms of three seconds here, which lists on the loop would multiply.
TEST_CASE("fifty viewers and ten thousand finished jobs cost the loop next to nothing", "[watching]") {
  DaemonFixture farm;
  std::uint32_t answered = 0;
  constexpr std::uint32_t kFinished = 10'000;
  for (std::uint32_t i = 0; i < kFinished; ++i) {
    SubmitRequest request;
    request.principal = "ana";
    request.format = jobs::SpecFormat::Toml;
    request.text = test::command_spec(fmt::format("j{}", i), 3);
    farm.service->submit(std::move(request), [&](const base::Result<SubmitReply>& reply) {
      REQUIRE(reply.ok());
      JobChange cancel;
      cancel.principal = "ana";
      cancel.job = reply->submitted.job;
      farm.service->change_job(cancel, [&](const base::Result<Changed>&) { ++answered; });
    });
    if (i % 100 == 99) REQUIRE(farm.run_until([&] { return answered == i + 1; }));
  }
  net::EventLoop http_loop;
  net::HttpServerOptions options;
  options.limits.connections_per_client_max = options.limits.requests_per_client_max = 1000;
  options.limits.requests_per_client_per_s = options.limits.requests_per_address_per_s = 100'000;
  TokenTable tokens({TokenEntry{"viewer", Role::Viewer, base::sha256("token-of-viewer"), std::nullopt}});
  auto api = HttpApi::open(http_loop, options, std::move(tokens), *farm.service, "0.1.0-test");
  REQUIRE(api.ok());
  std::thread http([&] { http_loop.run(); });

  // A worker that says every time what it said before, and a job that waits: turns as they come all day.
  REQUIRE(farm.submit("live", 100).ok());
  WorkerReported report;
  report.key = net::make_curve_key_pair().public_key.z85();
  report.incarnation = 1;
  report.inventory.emplace();
  report.inventory->name = "w1";
  const auto work = [&] {
    const double before = cpu_ms();
    for (int i = 0; i < 40'000; ++i) {
      ++report.sequence;
      farm.scheduler->apply(report);
      report.inventory.reset();
      if (i % 100 == 0) farm.loop.run_for(base::milliseconds(8));
    }
    return cpu_ms() - before;
  };
  work();
  double alone = 1e9, watched = 1e9;  // the best of some rounds: what disturbs a round only ever adds to it
  std::vector<double> list_ms;
  const double http_before = cpu_ms(http.native_handle());
  for (int round = 0; round < 3; ++round) {
    alone = std::min(alone, work());
    Viewers viewers((*api)->url(), 50);
    watched = std::min(watched, work());
    const std::vector<double> took = viewers.list_ms();
    list_ms.insert(list_ms.end(), took.begin(), took.end());
  }
  const double http_ms = cpu_ms(http.native_handle()) - http_before;
  http_loop.post([&] { (*api)->stop(base::seconds(1), [&] { http_loop.stop(); }); });
  http.join();
  std::sort(list_ms.begin(), list_ms.end());
  REQUIRE(!list_ms.empty());
  std::printf(
      "loop time, 50 viewers over none: %.3f (%.0f ms over %.0f ms); GET /jobs: median %.1f ms, p90 %.1f ms of %zu; "
      "HTTP thread: %.2f ms of a processor for a list and a job\n",
      watched / alone, watched, alone, list_ms[list_ms.size() / 2], list_ms[list_ms.size() * 9 / 10], list_ms.size(),
      http_ms / static_cast<double>(list_ms.size()));
  CHECK(watched / alone < 1.6);
}

}  // namespace
}  // namespace framemill::scheduler
