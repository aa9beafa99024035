#include "scheduler/core/acts/publish_orders.h"

#include <algorithm>
#include <string>
#include <vector>

#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kRepeatAfter = base::seconds(2);
// Of a worker that tells which orders it holds: one that it does not name is most likely still on its way, and to say it
// again would only lengthen the way.
constexpr base::Duration kRepeatUntoldAfter = base::seconds(10);
constexpr std::uint32_t kRepeatsPerReport = 1024;

void assign(FarmState& farm, const PublishDuties::Key& key, WorkerId worker) {
  farm.duties.assign(key, worker, farm.now());
  farm.turn.publish_orders.push_back(key);
}

// Whether the worker says that it holds the order; `told` is sorted.
bool is_named(const std::vector<TasksPublished>& told, const PublishDuties::Key& key) {
  auto after =
      std::upper_bound(told.begin(), told.end(), key, [](const PublishDuties::Key& k, const TasksPublished& t) {
        return k < PublishDuties::Key{t.phase, t.tasks.first};
      });
  if (after == told.begin()) return false;
  --after;
  return after->phase == key.first && after->tasks.contains(key.second);
}

}  // namespace

void order_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, WorkerId committer) {
  const PublishDuties::Key key{phase.id, task};
  farm.duties.add(phase.id, task, attempt);
  if (const WorkerId server = publish_server(farm, phase.plan->root, committer)) assign(farm, key, server);
}

void repeat_duties(FarmState& farm, WorkerEntry& worker, const WorkerReported& report) {
  const auto& duties = farm.duties.of(worker.record.id);
  worker.tells_publishing = worker.tells_publishing || report.publishing;
  if (duties.empty() || (worker.tells_publishing && !report.publishing)) return;
  std::vector<TasksPublished> told = report.publishing.value_or(std::vector<TasksPublished>{});
  std::sort(told.begin(), told.end(), [](const TasksPublished& a, const TasksPublished& b) {
    return PublishDuties::Key{a.phase, a.tasks.first} < PublishDuties::Key{b.phase, b.tasks.first};
  });
  for (std::uint32_t n = 0; n < kRepeatsPerReport && !duties.empty(); ++n) {
    const auto [ordered, key] = *duties.begin();
    if (ordered + (report.publishing ? kRepeatUntoldAfter : kRepeatAfter) > farm.now()) return;
    if (is_named(told, key))
      farm.duties.assign(key, worker.record.id, farm.now());  // it is at it
    else
      assign(farm, key, worker.record.id);
  }
}

void adopt_duties(FarmState& farm, WorkerEntry& worker) {
  if (farm.duties.unassigned().empty() || !worker.known || worker.record.revoked) return;
  std::vector<PublishDuties::Key> adopted;
  for (const PublishDuties::Key& key : farm.duties.unassigned()) {
    if (adopted.size() >= kRepeatsPerReport) break;
    if (worker.sees_root(farm.jobs.get(key.first).plan->root)) adopted.push_back(key);
  }
  for (const PublishDuties::Key& key : adopted) assign(farm, key, worker.record.id);
}

void hand_over_duties(FarmState& farm, WorkerEntry& worker) {
  const auto duties = farm.duties.of(worker.record.id);  // a copy: assigning changes it
  for (const auto& [ordered, key] : duties) {
    farm.duties.unassign(key);
    const WorkerId server = publish_server(farm, farm.jobs.get(key.first).plan->root, worker.record.id);
    if (server) assign(farm, key, server);
  }
}

void hand_over_lost_roots(FarmState& farm, WorkerEntry& worker) {
  const auto duties = farm.duties.of(worker.record.id);
  for (const auto& [ordered, key] : duties) {
    const std::string& root = farm.jobs.get(key.first).plan->root;
    if (worker.sees_root(root)) continue;
    farm.duties.unassign(key);
    if (const WorkerId server = publish_server(farm, root, worker.record.id)) assign(farm, key, server);
  }
}

void collect_publish_orders(FarmState& farm) {
  auto& keys = farm.turn.publish_orders;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  auto& orders = farm.turn.effects.publishes;
  for (const PublishDuties::Key& key : keys) {
    const Duty* duty = farm.duties.find(key);
    if (duty == nullptr || !duty->worker) continue;
    if (!orders.empty() && orders.back().phase == key.first && orders.back().tasks.end() == key.second &&
        orders.back().worker == duty->worker && orders.back().attempt == duty->attempt)
      ++orders.back().tasks.count;
    else
      orders.push_back({duty->worker, duty->attempt, key.first, {key.second, 1}});
  }
  keys.clear();
}

}  // namespace framemill::scheduler
