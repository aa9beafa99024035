// How many tasks that do nothing the farm brings from submit to published per second, durably: the real core, store,
// link and messages with CURVE, and workers that only echo. Measured against the slower of its two primitives in the
// same run: CURVE round trips per second with as many messages under way as the farm has slots, and plain SQLite rows
// per second at the rows per commit that were observed.
//
//   farm-throughput [--workers 16] [--slots 4] [--chunk 64] [--tasks 200000] [--directory DIR]
//
// Prints the figures and a row for docs/measurements.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "bench/curve_round_trips.h"
#include "bench/echo_workers.h"
#include "bench/sqlite_rows.h"
#include "scheduler/daemon/process.h"

namespace {

using namespace framemill;
using namespace framemill::scheduler;
using Clock = std::chrono::steady_clock;

struct Choices {
  std::uint32_t workers = 16, slots = 4, chunk = 64, tasks = 200'000;
  std::filesystem::path directory = std::filesystem::temp_directory_path();
};

struct Figures {
  double seconds = 0;
  double tasks_per_second = 0;
  store::StoreCounters store;
  std::uint64_t granted = 0, ordered = 0, replies = 0;
  double rows_per_commit() const {
    return store.transactions == 0 ? 1 : static_cast<double>(store.records) / static_cast<double>(store.transactions);
  }
};

base::Result<JobSubmitted> no_op_job(const Choices& choices) {
  const std::string text = fmt::format(
      "api = \"framemill/v1\"\nname = \"nothing\"\nshow = \"bench\"\nshot = \"b_0010\"\n"
      "[[layer]]\nname = \"nothing\"\nkind = \"command\"\nargv = [\"true\", \"{{chunk_first}}\"]\nframes = \"1-{}\"\n"
      "chunk = {}\nroot = \"out\"\noutput = \"nothing.{{frame:07}}.txt\"\n",
      choices.tasks, choices.chunk);
  jobs::ParsedSpec parsed = jobs::parse_spec(text, jobs::SpecFormat::Toml);
  if (!parsed.spec) return base::Error{"bench.spec", jobs::errors_json(parsed.errors), "", ""};
  JobSubmitted event;
  event.cause = {"bench", base::wall_now(), "measuring"};
  event.spec = std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec));
  event.body = base::sha256(text);
  return event;
}

// The farm in this process: the scheduler's loop on one thread, all workers on another.
class FarmInProcess {
 public:
  base::Status open(const Choices& choices) {
    SchedulerProcess::Options options;
    options.database = choices.directory / "farm.db";
    options.link.keys = net::make_curve_key_pair();
    std::vector<net::CurveKeyPair> keys(choices.workers);
    for (net::CurveKeyPair& pair : keys) {
      pair = net::make_curve_key_pair();
      options.link.allowed.push_back(pair.public_key);
    }
    const net::CurvePublicKey server = options.link.keys.public_key;
    FM_ASSIGN(process_, SchedulerProcess::start(
                            scheduler_loop_, std::move(options),
                            [this](base::Error error) {
                              fmt::print(stderr, "farm-throughput: the scheduler stopped: {}\n", error.message);
                              failed_ = true;
                            }));
    process_->scheduler().on_views([](const ViewChanges&, const Health&) {});  // rows are copied as for people
    for (std::uint32_t i = 0; i < choices.workers; ++i) {
      net::SecureDealerOptions dealer;
      dealer.endpoint = process_->endpoint();
      dealer.keys = keys[i];
      dealer.server_key = server;
      FM_ASSIGN(auto worker, bench::EchoWorker::start(worker_loop_, dealer, fmt::format("w{}", i), choices.slots));
      workers_.push_back(std::move(worker));
    }
    scheduler_thread_ = std::thread([this] { scheduler_loop_.run(); });
    worker_thread_ = std::thread([this] { worker_loop_.run(); });
    return {};
  }

  ~FarmInProcess() {
    worker_loop_.stop();
    if (worker_thread_.joinable()) worker_thread_.join();
    workers_.clear();
    scheduler_loop_.stop();
    if (scheduler_thread_.joinable()) scheduler_thread_.join();
  }

  // Runs the function on the scheduler's loop.
  template <class Function>
  auto on_loop(Function function) {
    std::promise<decltype(function(process_->scheduler()))> answer;
    scheduler_loop_.post([&] { answer.set_value(function(process_->scheduler())); });
    return answer.get_future().get();
  }

  base::Result<Figures> run(const Choices& choices) {
    while (on_loop([](Scheduler& s) { return s.farm().list_workers(base::now()).size(); }) < choices.workers)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    FM_ASSIGN(JobSubmitted event, no_op_job(choices));
    std::promise<base::Result<AnswerValue>> submitted;
    const store::StoreCounters before = on_loop([this](Scheduler&) { return process_->store_counters(); });
    const auto started = Clock::now();
    scheduler_loop_.post([&] {
      event.request = process_->scheduler().expect(
          [&](base::Result<AnswerValue> answer) { submitted.set_value(std::move(answer)); });
      process_->scheduler().apply(std::move(event));
    });
    FM_ASSIGN(const AnswerValue answer, submitted.get_future().get());
    const JobId job = std::get<Submitted>(answer).job;
    while (!failed_ && !on_loop([job](Scheduler& s) { return jobs::is_final(s.farm().job(job)->state); })) {
      if (Clock::now() - started > std::chrono::minutes(5))
        return base::Error{"bench.slow", "not done in 5 minutes", "", ""};
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (failed_) return base::Error{"bench.failed", "the scheduler stopped", "", ""};
    Figures figures;
    figures.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    figures.tasks_per_second = choices.tasks / figures.seconds;
    figures.store = on_loop([this](Scheduler&) { return process_->store_counters(); });
    worker_loop_.stop();
    worker_thread_.join();
    for (const auto& worker : workers_) {
      figures.granted += worker->tasks_granted();
      figures.ordered += worker->tasks_ordered();
      figures.replies += worker->replies();
    }
    figures.store.records -= before.records;
    figures.store.transactions -= before.transactions;
    return figures;
  }

 private:
  net::EventLoop scheduler_loop_, worker_loop_;
  std::unique_ptr<SchedulerProcess> process_;
  std::vector<std::unique_ptr<bench::EchoWorker>> workers_;
  std::atomic<bool> failed_ = false;
  std::thread scheduler_thread_, worker_thread_;
};

base::Status measure(const Choices& choices) {
  Figures farm;
  {
    FarmInProcess running;
    FM_TRY(running.open(choices));
    FM_ASSIGN(farm, running.run(choices));
  }
  constexpr std::chrono::milliseconds kTime{2000};
  const std::uint32_t window = choices.workers * choices.slots;
  FM_ASSIGN(const double trips, bench::curve_round_trips_per_second(choices.workers, window, kTime));
  const auto rows_per_commit = static_cast<std::size_t>(farm.rows_per_commit() + 0.5);
  FM_ASSIGN(const double rows, bench::sqlite_rows_per_second(choices.directory / "plain.db", rows_per_commit, kTime));
  const double ceiling = std::min(trips * choices.chunk, rows);
  fmt::print("workers {}, slots each {}, tasks a chunk {}, tasks {}\n", choices.workers, choices.slots, choices.chunk,
             choices.tasks);
  fmt::print("durable tasks     {:>10.0f} /s   ({:.2f} s from submit to published)\n", farm.tasks_per_second,
             farm.seconds);
  fmt::print("commits           {:>10.0f} /s   ({} rows each)\n", farm.store.transactions / farm.seconds,
             rows_per_commit);
  fmt::print(
      "replies           {:>10.0f} /s   (each task granted {:.2f} times, ordered to be published {:.2f} times)\n",
      farm.replies / farm.seconds, static_cast<double>(farm.granted) / choices.tasks,
      static_cast<double>(farm.ordered) / choices.tasks);
  fmt::print("CURVE round trips {:>10.0f} /s   (200 bytes, {} under way, {} tasks each)\n", trips, window,
             choices.chunk);
  fmt::print("SQLite rows       {:>10.0f} /s   ({} a commit)\n", rows, rows_per_commit);
  fmt::print("ratio to the lower of the two: {:.3f}\n\n", farm.tasks_per_second / ceiling);
  const base::WallTime now = base::wall_now();
  fmt::print(
      "| durable no-op tasks/s, {} echo workers x {} slots, {} tasks a chunk | half of the ceiling (100k/s later) | "
      "{:.0f}/s = {:.2f} x min(CURVE {:.0f}/s x {}, SQLite {:.0f} rows/s at {} a commit) | "
      "`farm-throughput --workers {} --slots {} --chunk {}` | {} |\n",
      choices.workers, choices.slots, choices.chunk, farm.tasks_per_second, farm.tasks_per_second / ceiling, trips,
      choices.chunk, rows, rows_per_commit, choices.workers, choices.slots, choices.chunk,
      base::format_rfc3339(now).substr(0, 10));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Choices choices;
  CLI::App app("Durable no-op tasks per second through the farm");
  app.add_option("--workers", choices.workers)->check(CLI::Range(1, 1000));
  app.add_option("--slots", choices.slots, "of each worker")->check(CLI::Range(1, 1000));
  app.add_option("--chunk", choices.chunk, "tasks a lease")->check(CLI::Range(1, 4096));
  app.add_option("--tasks", choices.tasks)->check(CLI::Range(1, 10'000'000));
  app.add_option("--directory", choices.directory, "on the disk to measure");
  CLI11_PARSE(app, argc, argv);
  base::set_log_level(base::LogLevel::Error);
  std::string name = (choices.directory / "farm-throughput-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    fmt::print(stderr, "farm-throughput: cannot make a directory {}\n", name);
    return 1;
  }
  choices.directory = name;
  const base::Status done = measure(choices);
  std::error_code ignored;
  std::filesystem::remove_all(name, ignored);
  if (!done.ok()) fmt::print(stderr, "farm-throughput: {}\n", done.error().message);
  return done.ok() ? 0 : 1;
}
