// The scheduler of the simulated farm: the product's loop with its core, its gate before the disk and its codec, on a
// Process, a Journal and the Network. Its process may be killed or stand still; a new life puts back what is durable, by
// the product's own way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/link/worker_port.h"
#include "scheduler/loop/scheduler.h"
#include "sim/facts.h"
#include "sim/journal.h"
#include "sim/network.h"
#include "sim/workshop.h"

namespace framemill::sim {

class SchedulerHost final : private scheduler::WorkerPort {
 public:
  struct Farm {
    EventQueue& time;
    Process& process;
    Network& network;
    Journal& journal;
    Plans& plans;
    Facts& facts;
    Trace& trace;
    std::vector<std::string> worker_keys;  // by index
  };
  using OnAnswer = std::function<void(base::Result<scheduler::AnswerValue>)>;

  SchedulerHost(Farm farm, Random random, scheduler::FarmSettings settings);

  void begin();
  void kill();
  void begin_after(base::Duration wait);

  void on_message(std::size_t worker, std::uint64_t connection, const std::string& bytes);
  // `event`: one of those with a request. The answer comes when it is durable, or never: the process may die before.
  template <class Event>
  void ask(Event event, OnAnswer on_answer) {
    farm_.process.post([this, event = std::move(event), on_answer = std::move(on_answer)]() mutable {
      event.cause = {"ana", farm_.process.now().wall, ""};
      event.request = expect(std::move(on_answer));
      loop_->apply(std::move(event));
    });
  }

  bool alive() const { return farm_.process.alive(); }
  const scheduler::Farm& core() const { return loop_->farm(); }  // while it lives
  scheduler::FarmSettings settings() const;                      // of this life
  // Every turn of the present process, durable or not yet.
  const StoredRecords& produced() const { return produced_; }
  base::Now now() const { return farm_.process.now(); }

 private:
  struct Seat {  // whose reports are heard under a key
    std::uint64_t connection = 0, incarnation = 0;
    base::Instant heard;
  };
  struct Heard {                                              // of a worker, by this process
    std::uint64_t incarnation = 0, former = 0, sequence = 0;  // the highest one
  };
  void see(const scheduler::Effects& effects);
  scheduler::RequestId expect(OnAnswer on_answer);
  bool is_taken(std::size_t worker, const Seat& seat, std::uint64_t incarnation) const;
  std::size_t index_of(const std::string& key) const;
  ReportReached reached(std::size_t worker, const scheduler::WorkerReported& report);

  void expect(const std::string& worker_key, std::uint64_t incarnation) override;
  Sent send(const std::string& worker_key, const wire::SchedulerReply& reply) override;

  Farm farm_;
  Random random_;
  const scheduler::FarmSettings settings_;
  std::unique_ptr<scheduler::Scheduler> loop_;
  StoredRecords produced_;
  std::uint64_t changes_ = 0;  // turns with something to store
  std::map<std::size_t, Seat> seats_;
  std::map<std::size_t, Heard> heard_;
};

}  // namespace framemill::sim
