// What the store was given, kept apart from the loop: the latest record of everything a future of the farm begins with.
// It is fed what a restart was given and then, turn by turn, the very records that became durable. Jobs that are over
// leave it with all that belongs to them; history goes into the measured durations and is not kept.
//
// One thread owns it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "forecast/measured_durations.h"
#include "scheduler/core/state/record_set.h"
#include "scheduler/core/state/records.h"

namespace framemill::forecast {

class Replica {
 public:
  // What a restart put back, in any order of jobs; before the first turn.
  void restore(std::vector<scheduler::Record> records);
  // One turn that became durable, in the order of the turns.
  void take(scheduler::Persist turn);

  const scheduler::RecordSet& records() const { return records_; }
  const scheduler::JobRecord* job(JobId id) const;  // null: it is over, or never was
  const MeasuredDurations& durations() const { return durations_; }
  std::uint64_t changes() const { return changes_; }  // grows with each turn that may change a forecast

  // Jobs that ended since the last call, with when.
  struct Ended {
    JobId job;
    jobs::JobState state = jobs::JobState::Done;
    base::WallTime finished;
  };
  std::vector<Ended> take_ended() { return std::exchange(ended_, {}); }

 private:
  template <class R>
  void put(R record);
  void put(scheduler::JobRecord record);
  void put(scheduler::PhaseRecord record);
  void put(scheduler::TaskPageRecord record);
  void put(scheduler::AttemptRecord record);
  void put(scheduler::CommitRecord record);
  void forget(JobId job);
  template <class R>
  void keep(R record);

  scheduler::RecordSet records_;
  MeasuredDurations durations_;
  std::vector<Ended> ended_;
  std::uint64_t changes_ = 0;
};

}  // namespace framemill::forecast
