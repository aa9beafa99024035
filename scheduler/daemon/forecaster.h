// When jobs will be ready: a thread of its own at the lowest priority, which keeps a replica of what is on record, looks
// ahead whenever something has changed, and publishes what it found as one shared value. Nothing is copied on the core's
// loop for it: records come from the store's thread, which has no more use for them, and workers from the board that
// people read. What it costs is bounded: Options::budget per look ahead, and at most a tenth of one processor overall.
// Should the copy of the farm that it runs ever break an invariant, the forecast is dropped and the farm goes on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "forecast/forecast.h"
#include "forecast/job_forecast.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/daemon/record_inbox.h"
#include "scheduler/daemon/view_board.h"

namespace framemill::scheduler {

class Forecaster {
 public:
  struct Options {
    double cpu_ms_per_look = 1000, cpu_ms_per_levers = 4000;
    base::Duration between = base::seconds(2);  // looks, at least; a costly one is followed by a longer pause
    base::Duration old = base::seconds(10);     // then it looks again though nothing changed: work goes on
    base::Duration horizon = base::seconds(14 * 86'400);
  };
  static constexpr std::size_t kLeverAsksMax = 4;

  explicit Forecaster(FarmSettings settings) : Forecaster(settings, Options{}) {}
  Forecaster(FarmSettings settings, Options options);
  ~Forecaster();
  Forecaster(const Forecaster&) = delete;
  Forecaster& operator=(const Forecaster&) = delete;

  // What the farm goes through; store's thread, or before start().
  void restored(std::vector<Record> records);
  void durable(std::vector<Persist> turns) { inbox_.put(std::move(turns)); }

  void start(std::shared_ptr<ViewBoard> board);
  // Nobody is answered any more; what waits is, with farm.stopping. Before those who ask are gone.
  void stop();

  // Any thread.
  forecast::ForecastsRow forecasts() const;  // the newest; never null
  // What would help the job; the answer comes on the forecaster's thread. Errors: job.unknown (it is over, or not known
  // yet), farm.busy.
  void levers(JobId job, Reply<forecast::LeverView> reply);

 private:
  struct LeverAsk {
    JobId job;
    Reply<forecast::LeverView> reply;
  };
  void run();
  void look();
  void answer(const LeverAsk& ask);
  void take_records();
  forecast::FarmAsItIs farm_as_it_is();
  void publish(forecast::Forecasts forecasts);
  forecast::Budget budget_of(double cpu_ms) const;

  const FarmSettings settings_;
  const Options options_;
  RecordInbox inbox_;
  std::vector<Record> restored_;  // until the thread has them
  std::shared_ptr<ViewBoard> board_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  forecast::ForecastsRow newest_ = std::make_shared<forecast::Forecasts>();
  std::deque<LeverAsk> asks_;
  std::atomic<bool> ending_{false};

  // The thread's alone.
  forecast::Replica replica_;
  forecast::TrackRecord track_;
  std::uint64_t seed_ = 1, seen_changes_ = 0;
  base::Instant due_{}, looked_{};
  std::uint32_t broken_ = 0;  // invariants in a row
  std::thread thread_;
};

}  // namespace framemill::scheduler
