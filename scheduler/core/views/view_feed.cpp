#include "scheduler/core/views/view_feed.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "scheduler/core/views/job_views.h"
#include "scheduler/core/views/limit_views.h"
#include "scheduler/core/views/share_views.h"
#include "scheduler/core/views/worker_views.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kBetweenRounds = base::milliseconds(100);
constexpr base::Duration kRowOld = base::seconds(1);  // of what changes by time alone
// What one round may cost, in the units of view_cost() (150 ns); a round that costs more, as one large job may, is
// followed by a pause so long that copying stays below a hundredth of the thread's time.
constexpr std::uint64_t kCostPerRound = 4096;
constexpr std::uint64_t kCostPerPauseMs = 64;
constexpr std::uint32_t kOldRowsLookedAt = 256;  // in a round
constexpr std::uint64_t kCostOfWorkerWalked = 16, kCostOfShare = 6;

class Copying {
 public:
  explicit Copying(FarmState& farm) : farm_(farm), conditions_(farm) {}

  void copy(JobEntry& job) {
    if (!job.row.shown) {
      const JobRecord& record = job.record;
      changes_.made.push_back(
          std::make_shared<PlanView>(PlanView{record.id, record.version, record.spec, record.plan, record.packages}));
    }
    note_copied(job.row, farm_.views.jobs_due, job.record.id);
    if (job.final())
      farm_.views.live.erase(job.record.id);
    else
      farm_.views.live.insert(job.record.id);
    changes_.jobs.push_back(std::make_shared<JobView>(view_of(farm_, job, conditions_)));
    cost_ += view_cost(farm_, job);
  }

  void copy(WorkerEntry& worker) {
    note_copied(worker.row, farm_.views.workers_due, worker.record.id);
    changes_.workers.push_back(std::make_shared<WorkerView>(view_of(farm_, worker, farm_.turn.now)));
    cost_ += view_cost(farm_, worker);
  }

  void copy_limits() {
    farm_.views.limits_changed = false;
    farm_.views.limits_copied = farm_.now();
    changes_.limits = std::make_shared<std::vector<LimitView>>(limit_views(farm_));
  }

  void copy_shares() {
    farm_.views.shares_changed = false;
    farm_.views.shares_copied = farm_.now();
    changes_.shares = std::make_shared<std::vector<ShareView>>(share_views(farm_));
    cost_ += kCostOfShare * changes_.shares->size();
  }

  std::uint64_t cost() const { return cost_ + kCostOfWorkerWalked * conditions_.workers_walked(); }
  ViewChanges changes() && { return std::move(changes_); }

 private:
  template <class Id>
  void note_copied(RowState& row, std::set<Id>& due, Id id) {
    if (row.due) due.erase(id);
    row = {true, false, false, farm_.now()};
  }

  FarmState& farm_;
  Conditions conditions_;
  ViewChanges changes_;
  std::uint64_t cost_ = 0;
};

void copy_at_once(FarmState& farm, Copying& copying) {
  for (const JobId id : std::exchange(farm.views.jobs_now, {})) copying.copy(farm.jobs.get(id));
  for (const WorkerId id : std::exchange(farm.views.workers_now, {})) copying.copy(farm.workers.get(id));
  if (farm.views.limits_changed) copying.copy_limits();
  if (farm.views.shares_changed) copying.copy_shares();
}

// The next after `last` in the circle.
template <class Set, class Id>
auto next_in_circle(Set& set, Id last) {
  auto next = set.upper_bound(last);
  return next == set.end() ? set.begin() : next;
}

// Copies due rows, each in turn, until none is left or the round has cost its share.
template <class Id, class Get>
void copy_due(std::set<Id>& due, Id& last, std::uint64_t cost_max, Copying& copying, Get get) {
  while (!due.empty() && copying.cost() < cost_max) {
    last = *next_in_circle(due, last);
    copying.copy(get(last));
  }
}

const JobId& id_in(const JobId& id) {
  return id;
}
const WorkerId& id_in(const std::pair<const WorkerId, WorkerEntry>& worker) {
  return worker.first;
}

// Copies rows that are old, and goes on in the next round where it stops. False: there may be more.
template <class Set, class Id, class Get>
bool copy_old(FarmState& farm, Set& all, Id& last, std::uint64_t cost_max, Copying& copying, Get get) {
  const std::size_t looks = std::min<std::size_t>(all.size(), kOldRowsLookedAt);
  for (std::size_t i = 0; i < looks && copying.cost() < cost_max; ++i) {
    last = id_in(*next_in_circle(all, last));
    auto& entry = get(last);
    if (entry.row.copied + kRowOld <= farm.now()) copying.copy(entry);
    if (i + 1 == all.size()) return true;
  }
  return all.empty();
}

void copy_round(FarmState& farm, Copying& copying) {
  ViewMarks& feed = farm.views;
  if (farm.limits.any() && feed.limits_copied + kRowOld <= farm.now()) copying.copy_limits();
  const std::uint64_t before = copying.cost(), share = kCostPerRound / 4;  // one each: none goes short
  if (feed.shares_copied + kRowOld <= farm.now()) copying.copy_shares();
  const auto job_of = [&](JobId id) -> JobEntry& { return farm.jobs.get(id); };
  const auto worker_of = [&](WorkerId id) -> WorkerEntry& { return farm.workers.get(id); };
  copy_due(feed.jobs_due, feed.due_job, before + share, copying, job_of);
  copy_due(feed.workers_due, feed.due_worker, before + 2 * share, copying, worker_of);
  const bool jobs_done = copy_old(farm, feed.live, feed.live_job, before + 3 * share, copying, job_of);
  const bool workers_done = copy_old(farm, farm.workers.all(), feed.any_worker, before + 4 * share, copying, worker_of);
  feed.more = !jobs_done || !workers_done;
  const auto pause = static_cast<std::int64_t>((copying.cost() - before) / kCostPerPauseMs);
  feed.round = farm.now() + std::max(kBetweenRounds, base::milliseconds(pause));
  feed.round_at_latest = std::max(feed.round, farm.now() + kRowOld);
}

}  // namespace

base::Instant views_due(const FarmState& farm) {
  const ViewMarks& feed = farm.views;
  if (!feed.jobs_now.empty() || !feed.workers_now.empty() || feed.limits_changed || feed.shares_changed)
    return base::Instant{INT64_MIN};
  const bool waiting = !feed.jobs_due.empty() || !feed.workers_due.empty() || !feed.forgotten.empty() || feed.more;
  return waiting ? feed.round : feed.round_at_latest;
}

ViewChanges take_due_views(FarmState& farm) {
  Copying copying(farm);
  copy_at_once(farm, copying);
  if (views_due(farm) <= farm.now()) copy_round(farm, copying);
  ViewChanges changes = std::move(copying).changes();
  changes.forgotten = std::exchange(farm.views.forgotten, {});
  return changes;
}

ViewChanges take_all_views(FarmState& farm) {
  Copying copying(farm);
  farm.views = {};
  for (auto& [id, job] : farm.jobs.all()) {
    job.row = {};
    copying.copy(job);
  }
  for (auto& [id, worker] : farm.workers.all()) copying.copy(worker);
  copying.copy_limits();
  copying.copy_shares();
  return std::move(copying).changes();
}

}  // namespace framemill::scheduler
