#include "scheduler/daemon/forecaster.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <exception>
#include <utility>

#include "base/check_handler.h"
#include "base/clock.h"
#include "base/log.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr std::chrono::milliseconds kWakeEvery{500};
constexpr std::int64_t kPausePerCost = 10;  // a look that took a second is followed by a pause of ten
constexpr base::Duration kPauseAfterTrouble = base::seconds(60);
constexpr int kNicest = 19;
constexpr std::uint32_t kEpochOfFutures = 0x7FFF'FFFF;  // no attempt on record is of it
constexpr double kAllBudgets_ms = 1e9;

double thread_cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// On Linux the priority belongs to the thread. Signals are the loop's.
void become_background_thread() {
  if (::setpriority(PRIO_PROCESS, 0, kNicest) != 0) base::log_debug("forecast", "runs at an ordinary priority");
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Forecaster::Forecaster(FarmSettings settings, Options options) : settings_(settings), options_(options) {}

Forecaster::~Forecaster() {
  stop();
}

void Forecaster::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::deque<LeverAsk> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(asks_);
  }
  for (const LeverAsk& ask : left) ask.reply(base::error_of(Refusal::FarmStopping, "the scheduler is stopping"));
}

void Forecaster::restored(std::vector<Record> records) {
  restored_ = std::move(records);
}

void Forecaster::start(std::shared_ptr<ViewBoard> board) {
  board_ = std::move(board);
  thread_ = std::thread([this] { run(); });
}

forecast::ForecastsRow Forecaster::forecasts() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void Forecaster::publish(forecast::Forecasts forecasts) {
  auto row = std::make_shared<const forecast::Forecasts>(std::move(forecasts));
  const std::lock_guard lock(mutex_);
  newest_.swap(row);
}

void Forecaster::levers(JobId job, Reply<forecast::LeverView> reply) {
  {
    const std::lock_guard lock(mutex_);
    if (!ending_ && asks_.size() < kLeverAsksMax) {
      asks_.push_back({job, std::move(reply)});
      reply = nullptr;
    }
  }
  if (reply)
    return reply(base::error_of(Refusal::FarmBusy, "too many questions about forecasts are waiting", "",
                                "try again in a few seconds"));
  wake_.notify_all();
}

void Forecaster::run() {
  become_background_thread();
  const base::ChecksThrowHere only_a_copy;
  try {
    replica_.restore(std::exchange(restored_, {}));
  } catch (const std::exception& error) {
    base::log_error("forecast", "what is on record cannot be looked ahead from: {}", error.what());
  }
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (asks_.empty()) wake_.wait_for(lock, kWakeEvery);
    if (ending_) break;
    std::deque<LeverAsk> asked = std::exchange(asks_, {});
    lock.unlock();
    take_records();
    for (const LeverAsk& ask : asked) answer(ask);
    const base::Instant now = base::monotonic_now();
    const bool changed = replica_.changes() != seen_changes_ || now - looked_ >= options_.old;
    if (now >= due_ && changed) look();
    lock.lock();
  }
}

void Forecaster::take_records() {
  try {
    for (Persist& turn : inbox_.take()) replica_.take(std::move(turn));
    for (const forecast::Replica::Ended& ended : replica_.take_ended()) {
      if (ended.state == jobs::JobState::Done)
        track_.ready(ended.job, ended.finished);
      else
        track_.forget(ended.job);
    }
  } catch (const std::exception& error) {
    base::log_error("forecast", "a turn's records were left out: {}", error.what());
  }
}

forecast::FarmAsItIs Forecaster::farm_as_it_is() {
  FarmSettings settings = settings_;
  settings.epoch.number = kEpochOfFutures;
  return {replica_, board_->workers(), settings, base::wall_now()};
}

// Time is up when the scheduler stops.
forecast::Budget Forecaster::budget_of(double cpu_ms) const {
  forecast::Budget budget;
  budget.cpu_ms = cpu_ms;
  budget.horizon = options_.horizon;
  budget.cpu_now_ms = [this] { return thread_cpu_ms() + (ending_ ? kAllBudgets_ms : 0); };
  return budget;
}

void Forecaster::look() {
  seen_changes_ = replica_.changes();
  looked_ = base::monotonic_now();
  const forecast::Budget budget = budget_of(options_.cpu_ms_per_look);
  seed_ += 1000;
  forecast::Forecasts told;
  const double before_ms = thread_cpu_ms();
  try {
    told = forecast::look_ahead(farm_as_it_is(), budget, seed_, &track_);
    forecast::note_told(told, seed_, track_);
    broken_ = 0;
  } catch (const std::exception& error) {
    // A copy broke, not the farm. What it was is worth a report; forecasts pause and are tried again.
    if (broken_++ == 0) base::log_error("forecast", "no forecasts for now: {}", error.what());
    told.made = base::wall_now();
    told.problem = "the simulation of the farm failed; see the scheduler's log";
  }
  const auto cost = static_cast<std::int64_t>(thread_cpu_ms() - before_ms);
  due_ = base::monotonic_now() + std::max(options_.between, base::milliseconds(kPausePerCost * cost));
  if (broken_ > 0) due_ = base::monotonic_now() + kPauseAfterTrouble;
  base::log_debug("forecast", "{} jobs, {} futures{} in {:.0f} ms of CPU time", told.jobs.size(), told.futures,
                  told.coarse ? ", coarse," : "", told.cpu_ms);
  publish(std::move(told));
}

void Forecaster::answer(const LeverAsk& ask) {
  const JobRecord* job = replica_.job(ask.job);
  if (job == nullptr || jobs::is_final(job->state))
    return ask.reply(base::error_of(Refusal::JobUnknown,
                                    fmt::format("job {} is over or not known: nothing is foretold", ask.job.value),
                                    "job", "framemill jobs --live lists those that are not over"));
  const forecast::Budget budget = budget_of(options_.cpu_ms_per_levers);
  try {
    ask.reply(forecast::find_levers(farm_as_it_is(), ask.job, budget, seed_, &track_));
  } catch (const std::exception& error) {
    base::log_error("forecast", "levers of job {}: {}", ask.job.value, error.what());
    ask.reply(base::error_of(Refusal::FarmBusy, "the simulation of the farm failed; see the scheduler's log"));
  }
}

}  // namespace framemill::scheduler
