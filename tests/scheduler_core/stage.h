// A farm on a stage: the real core with workers that only pretend, a clock that is told, and a store that remembers
// what it was handed. After every event all invariants are derived again, and a farm rebuilt from what was stored must
// be equal to the live one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/farm.h"
#include "scheduler/core/policy/planned_files.h"
#include "sim/stored_records.h"

namespace framemill::scheduler::stage {

using sim::is_same;
using sim::StoredRecords;
using sim::text_of;

// A worker as the scheduler sees it: what it was told, and what it will say.
struct Player {
  std::string key;
  std::uint64_t incarnation = 1, sequence = 0;
  Inventory inventory;
  bool inventory_due = true;
  bool draining = false;
  std::map<AttemptId, GrantLease> running;
  bool stands_still = false;    // its attempts make no progress
  bool one_by_one = false;      // each slot runs its attempts one after the other, in the order of their grants
  bool misses_revokes = false;  // they are lost on the way
  std::uint64_t moves = 0;
  std::map<AttemptId, std::set<TaskIndex>> left;  // of them, tasks not finished
  std::vector<OrderPublish> duties;
  std::vector<JobId> sweeps;
  std::vector<OrderManifest> manifests;
  std::vector<WatchedFiles> watched;
  bool writes_manifests = true;   // at once, and says so in a report of its own
  bool tells_publishing = false;  // names the publish orders it holds in every report
  WorkerReported next;            // what the next report carries beside what it always does
};

class Stage {
 public:
  explicit Stage(FarmSettings settings = {});

  // Events. Effects are carried out: grants reach the players, records the store.
  void apply(Event event);
  base::Result<AnswerValue> ask(JobSubmitted event);
  base::Result<AnswerValue> ask(JobChangeRequested event);
  base::Result<AnswerValue> ask(JobsChangeRequested event);
  base::Result<AnswerValue> ask(LimitChangeRequested event);
  base::Result<AnswerValue> ask(WorkerChangeRequested event);
  base::Result<AnswerValue> ask(ShareChangeRequested event);
  void report(const std::string& worker);
  void pass(base::Duration time, const std::vector<std::string>& reporting);   // those report every second
  void sleep(base::Duration time) { now_.monotonic = now_.monotonic + time; }  // nobody is called meanwhile
  void wall_jumps(base::Duration time) { now_.wall.unix_ms += time.ms; }  // the monotonic clock knows nothing of it
  void restart_farm();
  void restart_worker(const std::string& worker);
  void late_report(const std::string& worker);  // of the process before the present one

  // One of the files that the plan wants of the task.
  std::vector<FileRecord> files_of(PhaseId phase, TaskIndex task) const;
  // What a player does; it is said with its next report.
  void finish(Player& player, AttemptId attempt, TaskIndex task);
  void end(Player& player, AttemptId attempt, AttemptEnded ended);
  void publish_all(Player& player);
  void answer_manifests(Player& player, const std::string& code);  // empty: they are written

  Farm& farm() { return *farm_; }
  base::Now now() const { return now_; }
  std::map<std::string, Player>& players() { return players_; }
  Player& player(const std::string& name) { return players_.at(name); }
  const Effects& last() const { return last_; }
  const StoredRecords& store() const { return store_; }
  // Empty, or the first thing that was found wrong.
  const std::string& fault() const { return fault_; }
  bool compare_rebuilt = true;
  std::uint32_t grants_per_turn = 0;  // then the time for placing work is over; 0: it never is

 private:
  void write_manifests(Player& player);
  void carry_out(Effects effects);
  static void take_back(Player& player, const RevokeLease& revoke);
  void check();
  std::string limit_exceeded();
  Player* player_of(WorkerId id);
  template <class E>
  base::Result<AnswerValue> ask_any(E event);

  FarmSettings settings_;
  std::unique_ptr<Farm> farm_;
  base::Now now_{{1'000'000}, {1'800'000'000'000}};
  std::map<std::string, Player> players_;
  StoredRecords store_;
  Effects last_;
  RequestId requests_ = 0;
  std::map<std::string, std::uint32_t> limits_in_use_;
  std::string fault_;
};

}  // namespace framemill::scheduler::stage
