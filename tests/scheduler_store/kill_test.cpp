// Promise P1: what was acknowledged survives kill -9. A child writes and tells each acknowledged batch through a pipe;
// it is killed at a random moment; the store must hold every batch that it told of.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

// Batch n is: the commit of task n with two files, its page, and the counters at n.
Persist numbered_batch(jobs::Epoch epoch, std::uint32_t n) {
  const PhaseId phase{JobId(1), 0};
  Persist batch;
  batch.puts.emplace_back(sample_commit(epoch, 1, phase, n, 2));
  batch.puts.emplace_back(
      TaskPageRecord{phase, n / kTasksPerPage, std::vector<std::uint8_t>(1 + n % kTasksPerPage, 3)});
  batch.puts.emplace_back(CountersRecord{n, 0, 0});
  return batch;
}

[[noreturn]] void write_until_killed(const std::filesystem::path& path, std::uint32_t first, int pipe) {
  auto store = open_store(path);
  for (std::uint32_t n = first;; ++n) {
    const auto tell = [pipe, n](WriteResult) {
      if (::write(pipe, &n, sizeof n) != sizeof n) ::_exit(1);
    };
    while (!store->write(numbered_batch(store->epoch(), n), tell).ok())
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

std::uint32_t last_told(int pipe, std::uint32_t before) {
  std::uint32_t n = before;
  while (::read(pipe, &n, sizeof n) == sizeof n) {
  }
  return n;
}

}  // namespace

TEST_CASE("no acknowledged batch is lost when the process is killed, time after time") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  {
    write_now(*open_store(path), {sample_job(1)});
  }
  std::mt19937 random(20261122);
  std::uint32_t written = 0;  // batches 1..written are there
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(path, written + 1, ends[1]);
    ::close(ends[1]);
    std::uint32_t first = 0;
    REQUIRE(::read(ends[0], &first, sizeof first) == sizeof first);  // it is at work
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
    ::kill(child, SIGKILL);
    const std::uint32_t told = last_told(ends[0], first);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    ::close(ends[0]);

    INFO("round " << round << ", told " << told);
    auto store = open_store(path);
    std::uint32_t found = 0;
    const LoadedState loaded = store->load().value();
    for (const Record& record : loaded.records)
      if (const auto* counters = std::get_if<CountersRecord>(&record)) found = counters->last_job;
    CHECK(found >= told);
    CHECK(loaded.durable_sequence == found + 1);
    // Each commit once and whole, none without the counters that came in its batch.
    std::uint32_t commits = written;
    while (commits < found) {
      const auto page = answer_of<std::vector<CommittedTask>>([&](auto done) {
        return store->commits_of(JobId(1), {0, commits + 1}, 4096, scheduler::store::Reads::Include, done);
      });
      REQUIRE_FALSE(page.empty());
      for (const auto& [commit, state] : page) {
        const Record expected = sample_commit(commit.attempt.epoch, 1, {JobId(1), 0}, ++commits, 2);
        REQUIRE(text_of(commit) == text_of(expected));
      }
    }
    CHECK(commits == found);
    written = found;
  }
  CHECK(written > 25);
  const VerifyReport report = verify(path).value();
  CHECK(report.findings == std::vector<std::string>{});
  CHECK(report.commits_checked == written);
}
