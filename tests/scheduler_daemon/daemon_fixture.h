// The scheduler's loop as the daemon runs it, with a real store in a directory of its own and the workers' port on
// loopback, but without processes and threads of clients: a test says what arrives and runs the loop itself. What the
// store has made durable is heard of only while the loop runs.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "scheduler/daemon/farm_service.h"
#include "scheduler/daemon/process.h"

namespace framemill::scheduler::test {

class NoPackages : public jobs::PackageCatalogue {
 public:
  const jobs::PackageFacts* find(std::string_view) const override { return nullptr; }
  std::vector<std::string> ids() const override { return {}; }
  base::Status check_prompt(std::string_view, std::string_view) const override { return {}; }
};

// A job of `frames` tasks of one command.
inline std::string command_spec(const std::string& name, int frames = 4) {
  return "api = \"framemill/v1\"\nname = \"" + name +
         "\"\nshow = \"test\"\nshot = \"sh10\"\n\n[[layer]]\nname = \"paint\"\n" +
         "kind = \"command\"\nargv = [\"paint\", \"{frame}\", \"{output}\"]\nframes = \"1-" + std::to_string(frames) +
         "\"\nchunk = 1\noutput = \"" + name + "/v{version:03}/p.{frame:04}.png\"\n";
}

struct DaemonFixture {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("framemill-daemon-" + std::to_string(base::random_u64()));
  net::EventLoop loop;
  net::CurveKeyPair keys = net::make_curve_key_pair();
  std::vector<net::CurvePublicKey> workers;
  std::unique_ptr<SchedulerProcess> process;
  Scheduler* scheduler = nullptr;
  std::unique_ptr<FarmService> service;
  std::vector<EventBatch> batches;
  bool foretells = false;
  std::unique_ptr<Forecaster> forecaster;  // where it foretells

  explicit DaemonFixture(std::vector<net::CurvePublicKey> allowed = {}, bool with_forecasts = false)
      : workers(std::move(allowed)), foretells(with_forecasts) {
    std::filesystem::create_directory(directory);
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
    start();
  }
  ~DaemonFixture() {
    if (forecaster) forecaster->stop();
    service.reset();
    process.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  DaemonFixture(const DaemonFixture&) = delete;
  DaemonFixture& operator=(const DaemonFixture&) = delete;

  void start() {
    if (forecaster) forecaster->stop();
    service.reset();
    process.reset();
    SchedulerProcess::Options options;
    if (foretells) {
      options.settings.silence_alarm = base::seconds(300);  // its workers report when a test says so
      Forecaster::Options often;
      often.between = base::milliseconds(20);
      often.old = base::milliseconds(200);
      forecaster = std::make_unique<Forecaster>(options.settings, often);
      options.on_restored = [this](std::vector<Record> records) { forecaster->restored(std::move(records)); };
      options.on_durable = [this](std::vector<Persist> turns) { forecaster->durable(std::move(turns)); };
    }
    options.database = directory / "jobs.db";
    options.link.keys = keys;
    options.link.allowed = workers;
    auto started = SchedulerProcess::start(
        loop, std::move(options), [](const base::Error& error) { FAIL("the scheduler stops: " << error.message); });
    if (!started.ok()) FAIL(started.error().message);
    process = *std::move(started);
    scheduler = &process->scheduler();
    scheduler->on_events([this](EventBatch batch) { batches.push_back(std::move(batch)); });
    service = std::make_unique<FarmService>(loop, *scheduler, process->history(), std::make_shared<NoPackages>(),
                                            std::map<std::string, std::filesystem::path>{});
    if (!forecaster) return;
    forecaster->start(service->board());
    service->use_forecaster(forecaster.get());
  }

  bool run_until(const std::function<bool()>& condition) {
    const base::Instant end = base::monotonic_now() + base::seconds(20);
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      loop.run_for(base::milliseconds(2));
    }
    return true;
  }

  // Submits and waits for the answer.
  base::Result<SubmitReply> submit(SubmitRequest request) {
    std::optional<base::Result<SubmitReply>> answer;
    service->submit(std::move(request), [&](base::Result<SubmitReply> reply) { answer = std::move(reply); });
    REQUIRE(run_until([&] { return answer.has_value(); }));
    return *std::move(answer);
  }
  base::Result<SubmitReply> submit(const std::string& name, int frames = 4) {
    SubmitRequest request;
    request.principal = "ana";
    request.format = jobs::SpecFormat::Toml;
    request.text = command_spec(name, frames);
    return submit(std::move(request));
  }
};

}  // namespace framemill::scheduler::test
