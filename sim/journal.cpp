#include "sim/journal.h"

#include <algorithm>

namespace framemill::sim {
namespace {

using scheduler::CommitRecord;
namespace store = scheduler::store;

constexpr base::Duration kCommitMin{1}, kCommitMax{15};
constexpr base::Duration kReadMin{0}, kReadMax{40};
constexpr base::Duration kRetryWhenFull{500};

}  // namespace

void Journal::open(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  epoch_ = {epoch_.number + 1, random_.next() | 1};
  turns_durable_ = 0;
  full_ = false;
}

void Journal::on_death() {
  if (!committing_.empty() && full_until_ <= time_.now() && random_.chance(500)) make_durable();
  committing_.clear();
  waiting_.clear();
}

base::Result<store::LoadedState> Journal::load() {
  return store::LoadedState{durable_.load(), sequence_};
}

base::Status Journal::write_turns(std::vector<scheduler::Persist> turns, std::function<void(store::WriteResult)> done) {
  waiting_.push_back({std::move(turns), std::move(done)});
  if (committing_.empty()) commit_soon();
  return {};
}

void Journal::commit_soon() {
  if (waiting_.empty()) return;
  committing_ = std::exchange(waiting_, {});
  const base::Duration stalled = std::max(base::Duration{0}, stalls_until_ - time_.now());
  scheduler_.after(stalled + random_.between(kCommitMin, kCommitMax), [this] { commit(); });
}

void Journal::commit() {
  if (time_.now() < full_until_) {
    if (!std::exchange(full_, true)) {
      trace_.say("journal", "the disk is full");
      callbacks_.on_full();
    }
    return scheduler_.after(kRetryWhenFull, [this] { commit(); });
  }
  make_durable();
  const std::vector<Batch> done = std::exchange(committing_, {});
  if (std::exchange(full_, false)) {
    trace_.say("journal", "there is room again");
    callbacks_.on_recovered();
  }
  if (committing_.empty()) commit_soon();
  std::uint64_t sequence = sequence_ - done.size();
  for (const Batch& batch : done) batch.done({++sequence});
}

void Journal::make_durable() {
  for (const Batch& batch : committing_) {
    for (const scheduler::Persist& turn : batch.turns) durable_.write(turn);
    turns_durable_ += batch.turns.size();
    ++sequence_;
  }
}

base::Status Journal::files_of(PhaseId phase, TaskRange tasks, store::Callback<std::vector<CommitRecord>> done) {
  scheduler_.after(random_.between(kReadMin, kReadMax), [this, phase, tasks, done = std::move(done)] {
    std::vector<std::pair<PhaseId, TaskIndex>> wanted;
    for (TaskIndex task = tasks.first; task < tasks.end(); ++task) wanted.emplace_back(phase, task);
    done(durable_.commits_of(wanted));
  });
  return {};
}

void Journal::stall(base::Duration length) {
  stalls_until_ = std::max(stalls_until_, time_.now() + length);
}
void Journal::fill(base::Duration length) {
  full_until_ = std::max(full_until_, time_.now() + length);
}
void Journal::calm_down() {
  stalls_until_ = full_until_ = time_.now();
}

}  // namespace framemill::sim
