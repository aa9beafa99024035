#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

std::vector<std::string> reload(const std::filesystem::path& path) {
  auto store = open_store(path);
  return texts_of(store->load().value().records);
}

JobRecord job_with_package(std::uint32_t id) {
  JobRecord job = sample_job(id);
  jobs::PackageFacts facts;
  facts.name = "demo-clips";
  facts.version = "1";
  facts.root_digest = base::sha256("package");
  facts.window_frames = 17;
  facts.context_frames = 5;
  facts.time_ratio = {4, 1};
  facts.carry = jobs::CarryKind::Frames;
  facts.width = 64;
  facts.height = 48;
  facts.fps = 24;
  facts.default_steps = 20;
  facts.steps_max = 100;
  facts.default_guidance = 1.5;
  facts.guidance_max = 0.1;
  facts.colour_space = "srgb";
  facts.cpu_memory = {1ull << 62, 2, 3};
  facts.cuda_memory = {4, 5, 6, 7, 1ull << 61};
  facts.limits = {9, 121, 16, 1920, 1088, 1ll << 40};
  facts.conditioning = jobs::ConditioningKind::Text;
  facts.max_tokens = 512;
  facts.batch_max = 8;
  job.packages = {facts};
  job.version = 7;
  job.state = jobs::JobState::Paused;
  job.holds = {{jobs::HoldKind::Pause, sample_cause("ben"), {}},
               {jobs::HoldKind::Budget, {"scheduler", {16}, "\"A\" is spent"}, {17}}};
  job.priority = 90;
  job.deadline = {19};
  job.awaits = {{JobId(3), false}, {JobId(5), true}};
  job.last_change = sample_cause("ben");
  job.started = {12};
  job.finished = {13};
  job.swept = true;
  job.stuck = {{0, {14}, "storage_full", "main \"is\" full"}, {2, {15}, "oom", ""}};
  return job;
}

}  // namespace

TEST_CASE("every kind of record comes back from a restart as it was, in the order of put") {
  const TempDirectory directory;
  std::vector<Record> expected;
  {
    auto store = open_store(directory / "farm.db");
    const PhaseId phase{JobId(12), 1};
    AttemptRecord attempt = sample_attempt(store->epoch(), 5, phase);
    attempt.slot = 3;
    attempt.device_class = "avx512/torch-2.11.0/fp32/2";
    attempt.tasks = {4, 9};
    attempt.usage = {1, 2, 3, 4, 5, 6, 7, 8, {"13/0", "14/2"}, UINT64_MAX, {{1, 2}, {64, UINT32_MAX}}};
    attempt.devices = {"cpu0", "GPU-1"};
    attempt.files_written = 17;
    attempt.files_read = 4;
    TaskTroubleRecord trouble{phase,
                              4,
                              2,
                              {WorkerId(3), WorkerId(1)},
                              true,
                              6,
                              jobs::Outcome::ExecutorCrashed,
                              "exec.signal",
                              "died of signal 11",
                              attempt.id,
                              -17,
                              {WorkerId(2), WorkerId(3)},
                              true};
    PhaseRecord running{phase, jobs::PhaseState::Running, {1, 2, 3, 4, 5, 6, 7, 8}, "avx512", {5, 4, 3, 2, 1}};
    running.file_waits = {base::milliseconds(90'000),
                          {{{2, 3}, base::milliseconds(7), {1'795'000'000'123}}, {{9, 1}, {}, {1'795'000'000'456}}}};
    WorkerRecord worker;
    worker.id = WorkerId(3);
    worker.key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    worker.name = "w3";
    worker.drain_requested = worker.quarantined = worker.revoked = true;
    worker.drain_at = {1'795'000'000'789};
    worker.drain_planned = sample_cause("ben");
    worker.last_change = sample_cause();
    worker.blamed_jobs = {JobId(4), JobId(5)};
    worker.incarnation = 0xfedcba9876543210ull;
    JobRecord remake = job_with_package(20);
    remake.remake_of = JobId(12);
    remake.replaces = true;
    const FileRecord before{0, "a/f", "x/f", 10, base::sha256("old"), base::sha256("old samples"), 1001};
    const FileRecord after{1, "b/f", "x/f", 11, base::sha256("new"), base::sha256("new samples"), -3};
    const RemakeRecord remade{{JobId(20), 1}, 4, JobId(12), {before, after}, {after}, RemakeOutcome::SameSamples, {77}};
    const RemakeRecord open{{JobId(20), 1}, 5, JobId(12), {before}, {}, RemakeOutcome::Open, {}};
    expected = {CountersRecord{12, 3, 1ull << 40},
                VersionRecord{"harbor", "", "hb_0010", 7, JobId(12)},
                RootRecord{"main", "0123456789abcdef0123456789abcdef"},
                worker,
                LimitRecord{"nuke", 10, 20, sample_cause()},
                ShareUsageRecord{"harbor", "ana", 1ull << 50, {1'800'000'000'123}},
                ShareUsageRecord{"harbor", "ben", 7, {1}},
                ShareRulesRecord{"features", {}, sample_cause()},
                ShareRulesRecord{"features/harbor", {2.5, 3, 40}, sample_cause()},
                SubmitTokenRecord{"ana", "token", base::sha256("body"), JobId(12)},
                job_with_package(12),
                remake,
                running,
                trouble,
                TaskPageRecord{phase, 0, {0, 1, 2, 3, 4, 5, 6, 7}},
                attempt,
                remade,
                open};
    write_now(*store, expected);
  }
  CHECK(reload(directory / "farm.db") == texts_of(expected));
}

TEST_CASE("random batches reload as the newest record of each key") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    const TempDirectory directory;
    Model model;
    {
      auto store = open_store(directory / "farm.db");
      RandomRecords random(seed, store->epoch());
      // Not waited for, so that they share transactions in ever new ways.
      for (int i = 0; i < 60; ++i) {
        Persist batch = random.batch();
        model.apply(batch);
        REQUIRE(store->write(std::move(batch), {}).ok());
      }
    }
    std::vector<std::string> found = reload(directory / "farm.db");
    std::sort(found.begin(), found.end());
    // Phases, pages and the like of jobs that never came are not asked for by a restart.
    std::vector<std::string> expected = model.texts();
    const auto known = [&](const std::string& text) {
      for (const char* kind : {"phase ", "page ", "trouble "})
        if (text.starts_with(kind)) {
          const std::string job = text.substr(std::string(kind).size(), 1);
          return std::any_of(expected.begin(), expected.end(),
                             [&](const std::string& other) { return other.starts_with("job " + job + " "); });
        }
      return true;
    };
    std::vector<std::string> wanted;
    std::copy_if(expected.begin(), expected.end(), std::back_inserter(wanted), known);
    std::vector<std::string> different;
    std::set_symmetric_difference(found.begin(), found.end(), wanted.begin(), wanted.end(),
                                  std::back_inserter(different));
    CHECK(different == std::vector<std::string>{});
  }
}

TEST_CASE("a restart gets all live jobs, the newest finished ones, and no pages of what is done") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db", [] {
    StoreOptions options;
    options.finished_jobs_loaded_max = 3;
    return options;
  }());
  std::vector<Record> records;
  for (std::uint32_t id = 1; id <= 8; ++id) {
    JobRecord job = sample_job(id);
    job.state = id == 1 ? jobs::JobState::Running : id == 7 ? jobs::JobState::Failed : jobs::JobState::Done;
    records.emplace_back(job);
    records.emplace_back(TaskPageRecord{{JobId(id), 0}, 0, {4, 4}});
  }
  AttemptRecord live = sample_attempt(store->epoch(), 1, {JobId(2), 0});  // a finished job whose worker still holds on
  AttemptRecord ended = sample_attempt(store->epoch(), 2, {JobId(1), 0});
  ended.live = false;
  AttemptRecord committed = sample_attempt(store->epoch(), 3, {JobId(1), 0});
  committed.live = false;
  committed.tasks_committed = 1;
  AttemptRecord committed_and_done = sample_attempt(store->epoch(), 4, {JobId(8), 0});
  committed_and_done.live = false;
  committed_and_done.tasks_committed = 1;
  records.insert(records.end(), {live, ended, committed, committed_and_done});
  write_now(*store, records);

  std::vector<std::uint32_t> job_ids, pages;
  std::vector<std::uint64_t> attempts;
  const LoadedState loaded = store->load().value();
  for (const Record& record : loaded.records) {
    if (const auto* job = std::get_if<JobRecord>(&record)) job_ids.push_back(job->id.value);
    if (const auto* page = std::get_if<TaskPageRecord>(&record)) pages.push_back(page->phase.job.value);
    if (const auto* attempt = std::get_if<AttemptRecord>(&record)) attempts.push_back(attempt->id.counter);
  }
  CHECK(job_ids == std::vector<std::uint32_t>{1, 2, 6, 7, 8});
  CHECK(pages == std::vector<std::uint32_t>{1, 7});
  CHECK(attempts == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE("each start raises the epoch, and attempts of former epochs keep theirs") {
  const TempDirectory directory;
  std::vector<jobs::Epoch> epochs;
  std::vector<std::string> attempts;
  for (std::uint32_t start = 1; start <= 3; ++start) {
    auto store = open_store(directory / "farm.db");
    CHECK(store->epoch().number == start);
    for (const jobs::Epoch& before : epochs) CHECK(before.nonce != store->epoch().nonce);
    epochs.push_back(store->epoch());
    if (start == 1) write_now(*store, {sample_job(1)});
    const AttemptRecord attempt = sample_attempt(store->epoch(), 1, {JobId(1), 0});
    write_now(*store, {attempt});
    attempts.push_back(text_of(attempt));
  }
  std::vector<std::string> found = reload(directory / "farm.db");
  std::erase_if(found, [](const std::string& text) { return !text.starts_with("attempt"); });
  CHECK(found == attempts);
}
