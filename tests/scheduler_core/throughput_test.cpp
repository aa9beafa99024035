// Hidden from ordinary runs: what the core alone can do, with the tag [throughput]; and, with [instructions], a run so
// short that a profiler can count it on a machine whose times mean nothing:
//   valgrind --tool=callgrind test_scheduler_core "[instructions]"
#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>

#include "scheduler/core/farm.h"

namespace framemill::scheduler {
namespace {

struct Echo {
  WorkerReported next;
  std::uint64_t sequence = 0;
};

FileRecord file_of(TaskIndex task) {
  FileRecord file;
  file.frame = static_cast<jobs::Frame>(task) + 1;
  file.staged = "out/frame";
  file.path = std::to_string(file.frame) + ".png";
  return file;
}

void run_no_op_tasks(std::uint32_t slots, std::uint32_t tasks) {  // one task a chunk
  constexpr std::uint32_t kWorkers = 16;
  FarmSettings settings;
  settings.epoch = {1, 1};
  Farm farm(settings);
  base::Now now{{1000}, {1000}};
  farm.begin(now);
  std::map<WorkerId, Echo> echoes;
  for (std::uint32_t w = 0; w < kWorkers; ++w) {
    WorkerReported report;
    report.key = "key " + std::to_string(w);
    report.incarnation = report.sequence = 1;
    report.inventory = Inventory{"w" + std::to_string(w),
                                 "1",
                                 {{"cpu0", "cpu", "a", DeviceKind::Cpu, 1ull << 33, 1ull << 33, 8}},
                                 {},
                                 {},
                                 {{"main", true, 1}},
                                 {"true"},
                                 false,
                                 {},
                                 false};
    for (std::uint32_t i = 0; i < slots; ++i)
      report.inventory->slots.push_back({i, "s" + std::to_string(i), 0, {}, true});
    farm.apply(report, now);
    echoes[*farm.worker_of_key(report.key)].sequence = 1;
  }
  jobs::ParsedSpec spec = jobs::parse_spec(
      "api = \"framemill/v1\"\nname = \"n\"\nshow = \"s\"\nsequence = \"q\"\nshot = \"x\"\n[[layer]]\nname = \"run\"\n"
      "kind = \"command\"\nargv = [\"true\"]\nchunk = 1\noutput = \"{frame}.png\"\nframes = \"1-" +
          std::to_string(tasks) + "\"\n",
      jobs::SpecFormat::Toml);
  REQUIRE(spec.spec.has_value());
  JobSubmitted submit;
  submit.spec = std::make_shared<const jobs::JobSpec>(*spec.spec);

  const auto start = std::chrono::steady_clock::now();
  std::uint64_t commits = 0, events = 0;
  const auto carry_out = [&](Effects effects) {
    for (const GrantLease& grant : effects.grants) {
      Echo& echo = echoes[grant.worker];
      for (TaskIndex t = grant.tasks.first; t < grant.tasks.end(); ++t)
        echo.next.finished.push_back({grant.attempt, grant.phase, t, 100, {file_of(t)}, {}});
      AttemptEnded ended;
      ended.attempt = grant.attempt;
      echo.next.ended.push_back(ended);
    }
    for (const OrderPublish& order : effects.publishes)
      echoes[order.worker].next.published.push_back({order.phase, order.tasks});
    for (const Record& record : effects.persist.puts) commits += std::holds_alternative<CommitRecord>(record) ? 1 : 0;
  };
  carry_out(farm.apply(submit, now));
  bool busy = true;
  while (busy) {
    busy = false;
    for (auto& [id, echo] : echoes) {
      if (echo.next.finished.empty() && echo.next.published.empty()) continue;
      WorkerReported report = std::exchange(echo.next, {});
      report.key = farm.worker(id)->key;
      report.incarnation = 1;
      report.sequence = ++echo.sequence;
      carry_out(farm.apply(std::move(report), now));
      ++events;
      busy = true;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  CHECK(commits == tasks);
  CHECK(farm.show_job(JobId(1))->state == jobs::JobState::Done);
  std::printf("core alone: %.0f tasks/s (%.1f tasks per report)\n", tasks / seconds,
              static_cast<double>(tasks) / static_cast<double>(events));
}

TEST_CASE("no-op tasks per second through the core", "[.][throughput]") {
  run_no_op_tasks(4, 300'000);
}

TEST_CASE("a short run through the core, to be counted", "[.][instructions]") {
  run_no_op_tasks(16, 3'000);
}

}  // namespace
}  // namespace framemill::scheduler
