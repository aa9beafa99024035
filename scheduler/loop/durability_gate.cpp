#include "scheduler/loop/durability_gate.h"

#include <utility>

#include "base/check.h"

namespace framemill::scheduler {

void DurabilityGate::add(Persist persist, Deferred effects) {
  if (!persist.empty()) {
    gathering_.push_back(std::move(persist));
    gathering_effects_.append(std::move(effects));
  } else if (!gathering_.empty()) {
    gathering_effects_.append(std::move(effects));
  } else if (!in_flight_.empty()) {
    in_flight_.back().append(std::move(effects));
  } else {
    release(std::move(effects));
  }
}

std::optional<std::vector<Persist>> DurabilityGate::next_batch() {
  if (gathering_.empty() || in_flight_.size() >= kBatchesInFlightMax) return std::nullopt;
  in_flight_.push_back(std::exchange(gathering_effects_, {}));
  return std::exchange(gathering_, {});
}

void DurabilityGate::batch_is_durable(std::uint64_t durable_sequence) {
  FM_CHECK(!in_flight_.empty(), "a batch became durable that was never handed out");
  durable_sequence_ = durable_sequence;
  Deferred effects = std::move(in_flight_.front());
  in_flight_.pop_front();
  release(std::move(effects));
}

void DurabilityGate::release(Deferred effects) {
  if (!effects.empty()) released_.push_back({std::move(effects), durable_sequence_});
}

std::optional<DurabilityGate::Released> DurabilityGate::next_released() {
  if (released_.empty()) return std::nullopt;
  Released first = std::move(released_.front());
  released_.pop_front();
  return first;
}

}  // namespace framemill::scheduler
