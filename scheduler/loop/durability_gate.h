// What may be seen before the disk has it: nothing that the gate holds. The effects of turns that wait (core/state/effects.h,
// Deferred) are let out when the batch with their turn's records is durable, in the order of the turns. A turn that
// changed nothing builds on those before it, so it waits with the last of them. Batches are handed out in order and
// become durable in order; at most two are on their way, and what comes meanwhile gathers in the next. A value: whoever
// owns it writes the batches and sends what comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "scheduler/core/state/effects.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

class DurabilityGate {
 public:
  static constexpr std::size_t kBatchesInFlightMax = 2;

  // What may be seen now, and how far the disk was then.
  struct Released {
    Deferred effects;
    std::uint64_t durable_sequence = 0;
  };

  // `durable_sequence`: of what was loaded.
  explicit DurabilityGate(std::uint64_t durable_sequence = 0) : durable_sequence_(durable_sequence) {}

  // One turn, after those before it.
  void add(Persist persist, Deferred effects);

  // The batch to write now, if any: it is on its way from here on.
  std::optional<std::vector<Persist>> next_batch();
  // The oldest batch on its way is on the disk.
  void batch_is_durable(std::uint64_t durable_sequence);

  // What came out since the last call, one batch or turn at a time; nothing: all is out.
  std::optional<Released> next_released();

  std::uint64_t durable_sequence() const { return durable_sequence_; }
  std::size_t batches_in_flight() const { return in_flight_.size(); }

 private:
  void release(Deferred effects);

  std::vector<Persist> gathering_;  // of the turns that changed something since the last batch was handed out
  Deferred gathering_effects_;
  std::deque<Deferred> in_flight_;  // one for each batch on its way, oldest first
  std::deque<Released> released_;
  std::uint64_t durable_sequence_ = 0;
};

}  // namespace framemill::scheduler
