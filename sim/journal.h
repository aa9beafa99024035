// The scheduler's job store without a disk: batches become durable one group after the other, in the order they were
// handed over, after a drawn time. A stall makes that long, a full disk makes it wait for room. When the process dies the
// group that is being committed is durable or not, by a draw; what waits behind it is lost. What is durable stays.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "scheduler/store/journal.h"
#include "sim/process.h"
#include "sim/random.h"
#include "sim/stored_records.h"
#include "sim/trace.h"

namespace framemill::sim {

class Journal final : public scheduler::store::Journal {
 public:
  struct Callbacks {
    std::function<void()> on_full, on_recovered;
  };
  // `scheduler`: the process that writes; its death is reported by on_death().
  Journal(EventQueue& time, Random random, Trace& trace, Process& scheduler)
      : time_(time), random_(random), trace_(trace), scheduler_(scheduler) {}

  // A new process of the scheduler opens it.
  void open(Callbacks callbacks);
  void on_death();

  jobs::Epoch epoch() const override { return epoch_; }
  base::Result<scheduler::store::LoadedState> load() override;
  base::Status write_turns(std::vector<scheduler::Persist> turns,
                           std::function<void(scheduler::store::WriteResult)> done) override;
  base::Status files_of(PhaseId phase, TaskRange tasks,
                        scheduler::store::Callback<std::vector<scheduler::CommitRecord>> done) override;

  const StoredRecords& durable() const { return durable_; }
  std::uint64_t turns_durable() const { return turns_durable_; }  // of those that the present process handed over

  void stall(base::Duration length);
  void fill(base::Duration length);
  void calm_down();

 private:
  struct Batch {
    std::vector<scheduler::Persist> turns;
    std::function<void(scheduler::store::WriteResult)> done;
  };
  void commit_soon();
  void commit();
  void make_durable();

  EventQueue& time_;
  Random random_;
  Trace& trace_;
  Process& scheduler_;
  Callbacks callbacks_;
  jobs::Epoch epoch_;
  StoredRecords durable_;
  std::vector<Batch> waiting_, committing_;
  std::uint64_t sequence_ = 0;  // of the last durable batch
  std::uint64_t turns_durable_ = 0;
  base::Instant stalls_until_{}, full_until_{};
  bool full_ = false;  // and the scheduler knows
};

}  // namespace framemill::sim
