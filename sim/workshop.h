// What a worker's executors and child programs do, without doing it: attempts take drawn times, finish their tasks in
// order, stage files whose digests name the attempt, and end well or badly by a draw. Speaks to the worker's core in the
// core's own events; owned by its WorkerHost and dies with the worker's process (staged files stay).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/host_storage.h"
#include "sim/process.h"
#include "sim/random.h"
#include "sim/shared_root.h"
#include "sim/trace.h"
#include "worker/core/events.h"
#include "worker/loop/ports.h"

namespace framemill::sim {

// How attempts of a seed end.
struct Fate {
  jobs::Outcome outcome;
  const char* code;
  std::uint32_t weight;
};

// Jobs' plans by number: what a recipe would tell an executor about the files it is to write.
using Plans = std::map<jobs::JobId, std::shared_ptr<const jobs::JobPlan>>;

class Workshop final : public worker::ExecutorPort, public worker::ChildPort {
 public:
  struct Place {
    Process& process;  // of the worker
    SharedRoot& root;
    const Plans& plans;
    const RootSight& sight;
    Facts& facts;
    Trace& trace;
    std::size_t worker = 0;
    std::string name, device_class;
    bool reproducible = true;  // another attempt makes the same files
  };
  Workshop(Place place, Random random, std::uint32_t slots, std::function<void(worker::Event)> happen);

  // worker::ExecutorPort
  void start(worker::SlotIndex slot) override;
  void finish(worker::SlotIndex slot) override;
  void kill(worker::SlotIndex slot, worker::KilledBecause because) override;
  void begin(worker::SlotIndex slot, const worker::AttemptId& attempt, const wire::Grant& grant,
             const worker::TaskRange& tasks) override {
    begin(slot, attempt, grant, tasks, Where::Executor);
  }
  void cancel(worker::SlotIndex slot, const worker::AttemptId& attempt, bool keep_finished,
              const worker::TaskRange& keep) override;
  // worker::ChildPort
  void start(worker::SlotIndex slot, const worker::AttemptId& attempt, const wire::Grant& grant,
             const worker::TaskRange& tasks) override {
    begin(slot, attempt, grant, tasks, Where::Child);
  }
  void stop(const worker::AttemptId& attempt, bool keep_finished) override;
  std::vector<worker::AttemptId> moved() override;
  // of both
  void forget(const worker::AttemptId& attempt) override { aboard_.erase(attempt); }

  void on_worker_death();
  void hang_programs();  // those that run now: each does nothing more until it is stopped

  // Faults. They last until changed again.
  std::uint32_t bad_permille = 0;   // attempts that end badly
  std::uint32_t deaf_permille = 0;  // cancelled attempts that their executor does not give up
  void die(worker::SlotIndex slot, worker::Death death);
  void hang(worker::SlotIndex slot);  // and is killed for it

  std::uint32_t slots() const { return static_cast<std::uint32_t>(executors_.size()); }

 private:
  enum class Executor { Down, Starting, Ready };
  enum class Where { Executor, Child };
  struct Slot {
    Executor executor = Executor::Down;
    std::uint64_t start = 0;  // counts starts
    bool hangs = false, finishing = false;
    std::set<base::Sha256> models;
  };
  struct Aboard {
    worker::SlotIndex slot = 0;
    bool child = false;
    wire::Grant grant;
    std::vector<worker::TaskIndex> left;  // the next one last
    std::uint64_t stage = 0;              // counts what it begins: a later stage makes earlier announcements void
    const Fate* fate = nullptr;           // how it ends badly, after `good` tasks
    std::size_t good = 0;
    bool ending = false, hangs = false;
    std::uint32_t steps = 0;
  };
  void announce(const worker::AttemptId& attempt, base::Duration wait, std::function<void(Aboard&)> what);
  void begin(worker::SlotIndex slot, const worker::AttemptId& attempt, const wire::Grant& grant,
             const worker::TaskRange& tasks, Where where);
  void give_up(const worker::AttemptId& attempt, Aboard& in_flight, bool keep_finished);
  void next_task(const worker::AttemptId& attempt, Aboard& in_flight);
  void finish_task(const worker::AttemptId& attempt, Aboard& in_flight);
  void end(const worker::AttemptId& attempt, jobs::Outcome outcome, const char* code);
  void finish_if_empty(worker::SlotIndex slot);
  bool inputs_are_there(const wire::Grant& grant, worker::TaskIndex task) const;
  wire::FinishedTask result_of(const worker::AttemptId& attempt, const Aboard& in_flight, worker::TaskIndex task,
                               base::Duration took) const;

  Place place_;
  Random random_;
  std::function<void(worker::Event)> happen_;
  std::vector<Slot> executors_;
  std::map<worker::AttemptId, Aboard> aboard_;
};

}  // namespace framemill::sim
