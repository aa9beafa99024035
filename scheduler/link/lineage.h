// Which history this scheduler's store holds, and whether what a worker has heard is part of it. A worker says with each
// report the start of the scheduler that it heard last (an epoch: number and random nonce), and up to which durable
// sequence. A store that was restored from a copy does not know that start, or knows that it ended earlier - also when
// it has since gone on and its own numbers have passed the worker's. Counts alone would be deceived by that. Pure.
//
// An era is a loss of history that an operator has accepted (framemill-scheduler new-era), by the time of that, in
// milliseconds: what was heard in an earlier era is given up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/ids.h"

namespace framemill::scheduler {

// What a worker has heard last. An epoch without a nonce: nothing, or the worker does not tell.
struct HeardLast {
  jobs::Epoch epoch;
  std::uint64_t durable_sequence = 0;
  std::uint64_t era = 0;
};

class Lineage {
 public:
  struct Start {
    jobs::Epoch epoch;
    std::uint64_t durable_sequence = 0;  // that it began with
  };
  Lineage() = default;  // knows nothing and doubts nobody
  // `starts`: every start of this history, in order, the present one last.
  Lineage(std::vector<Start> starts, std::uint64_t era) : starts_(std::move(starts)), era_(era) {}

  std::uint64_t era() const { return era_; }
  // Why a worker that has heard this cannot work here; nothing: it can.
  std::optional<std::string> lost(const HeardLast& heard) const;

 private:
  std::vector<Start> starts_;
  std::uint64_t era_ = 0;
};

}  // namespace framemill::scheduler
