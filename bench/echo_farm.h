// A farm's core with workers that finish at once whatever they are granted, and report in a circle: the load of the
// core benchmark and of the tests that compare what a grant costs in farms of different sizes. No threads, no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "scheduler/core/farm.h"

namespace framemill::bench {

struct FarmShape {
  std::uint32_t workers = 16, slots = 4;  // slots: of each worker
  std::uint32_t jobs = 1;
  std::uint32_t classes = 1;  // request classes; every second one only for the hosts of one kind of four
  std::uint32_t shares = 1;   // shows with four users each, among whom the jobs are divided; 1: one show and user
};

class EchoFarm {
 public:
  using Turn = std::function<void()>;
  // Carries out the turn; false: the run ends with it.
  using Around = std::function<bool(const Turn&)>;

  explicit EchoFarm(const FarmShape& shape, scheduler::FarmSettings settings = {});

  // Jobs of one layer of no-op commands in chunks of one, with `tasks` in all (at least one a job). Call it before the
  // workers connect.
  void submit_all(std::uint64_t tasks);
  // Every worker's first report, or until `around` ends it. What they are granted waits for run().
  void connect_all(const Around& around);
  void connect_all();
  // Workers report in turn what they have finished and published, until all is done or `around` ends it.
  void run(const Around& around);

  scheduler::Farm& farm() { return farm_; }
  std::uint64_t commits() const { return commits_; }
  std::uint64_t turns() const { return turns_; }

 private:
  struct Echo {
    scheduler::WorkerReported next;
    std::uint64_t sequence = 0;
  };
  void carry_out(scheduler::Effects effects);
  bool apply(scheduler::Event event, const Around& around);
  bool connect(std::uint32_t worker, const Around& around);
  bool finish_pass(const Around& around);

  FarmShape shape_;
  scheduler::Farm farm_;
  std::vector<Echo> echoes_;  // by worker id - 1
  std::uint32_t connected_ = 0;
  std::uint64_t commits_ = 0, turns_ = 0;
};

}  // namespace framemill::bench
