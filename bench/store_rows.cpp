// What the job store costs over plain SQLite: commits of tasks per second through Store (with the page of states, the
// phase and the attempt of each batch, the checksum chain and the queue) against plain rows per second at the same
// number of rows per commit, in turns, in the same directory.
//
//   store-rows [DIRECTORY]
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/file.h"
#include "bench/sqlite_rows.h"
#include "scheduler/store/store.h"

namespace {

using namespace framemill;
using namespace framemill::scheduler;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTime{1500};
constexpr PhaseId kPhase{JobId(1), 0};

Persist commits_of_a_turn(jobs::Epoch epoch, TaskIndex& task, std::size_t count) {
  Persist turn;
  std::vector<std::uint8_t> states(kTasksPerPage, 3);
  const std::uint32_t first_page = task / kTasksPerPage;
  AttemptRecord attempt;
  attempt.id = {epoch, 1 + task};
  attempt.phase = kPhase;
  attempt.tasks = {task, static_cast<std::uint32_t>(count)};
  attempt.worker = WorkerId(1);
  attempt.slot_name = "cpu0";
  for (std::size_t i = 0; i < count; ++i)
    turn.puts.emplace_back(
        CommitRecord{kPhase, task++, attempt.id, WorkerId(1), "out", "avx2/2", {1'795'000'000'000}, 100, {}, {}});
  turn.puts.emplace_back(attempt);
  turn.puts.emplace_back(PhaseRecord{kPhase, jobs::PhaseState::Running, {}, ""});
  for (std::uint32_t page = first_page; page <= (task - 1) / kTasksPerPage; ++page)
    turn.puts.emplace_back(TaskPageRecord{kPhase, page, states});
  return turn;
}

// As the scheduler does: at most two batches in flight, one turn each.
base::Result<double> store_commits_per_second(const std::filesystem::path& file, std::size_t per_batch) {
  store::StoreOptions options;
  options.epoch_nonce = base::random_u64();
  FM_ASSIGN(auto store, store::Store::open(file, options));
  std::mutex mutex;
  std::condition_variable changed;
  int in_flight = 0;
  TaskIndex task = 0;
  const auto started = Clock::now();
  while (Clock::now() - started < kTime) {
    Persist turn = commits_of_a_turn(store->epoch(), task, per_batch);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return in_flight < 2; });
    ++in_flight;
    lock.unlock();
    FM_TRY(store->write(std::move(turn), [&](store::WriteResult) {
      const std::lock_guard done(mutex);
      --in_flight;
      changed.notify_one();
    }));
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  return static_cast<double>(task) / std::chrono::duration<double>(Clock::now() - started).count();
}

base::Status run(const std::filesystem::path& directory) {
  fmt::print("{:>16} {:>16} {:>16} {:>8}\n", "commits a batch", "store commits/s", "plain rows/s", "ratio");
  for (const std::size_t size : {1, 10, 100, 1000, 4000}) {
    FM_ASSIGN(const double plain,
              bench::sqlite_rows_per_second(directory / fmt::format("plain-{}.db", size), size, kTime));
    FM_ASSIGN(const double ours, store_commits_per_second(directory / fmt::format("store-{}.db", size), size));
    fmt::print("{:>16} {:>16.0f} {:>16.0f} {:>8.2f}\n", size, ours, plain, ours / plain);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string name =
      (argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path()) / "store-rows-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    fmt::print(stderr, "store-rows: cannot make a directory {}\n", name);
    return 1;
  }
  const base::Status done = run(name);
  std::error_code ignored;
  std::filesystem::remove_all(name, ignored);
  if (!done.ok()) fmt::print(stderr, "store-rows: {}\n", done.error().message);
  return done.ok() ? 0 : 1;
}
