#include "sim/world.h"

#include <fmt/format.h>

#include <utility>

namespace framemill::sim {
namespace {

constexpr base::Duration kRightEvery = base::seconds(15);

}  // namespace

World::World(FarmPlan farm, TraceMode mode)
    : plan(std::move(farm)), trace(time, mode), network(time, Random(plan.seed, "network"), trace, plan.hosts.size()),
      journal(time, Random(plan.seed, "journal"), trace, scheduler_process),
      scheduler({time, scheduler_process, network, journal, plans, facts, trace, plan.worker_keys()},
                Random(plan.seed, "scheduler"), plan.settings),
      people(time, Random(plan.seed, "people"), trace, scheduler, plan.jobs) {
  for (std::size_t i = 0; i < plan.hosts.size(); ++i)
    workers.push_back(std::make_unique<WorkerHost>(WorkerHost::Farm{time, network, root, plans, facts, trace},
                                                   Random(plan.seed, plan.hosts[i].name), i, plan.hosts[i]));
  network.attach({[this](std::size_t worker, std::uint64_t connection, const std::string& bytes) {
                    scheduler.on_message(worker, connection, bytes);
                  },
                  [this](std::size_t worker, const std::string& bytes) { workers[worker]->on_message(bytes); },
                  [this](std::size_t worker) { workers[worker]->on_connected(); }});
}

void World::begin() {
  scheduler.begin();
  Random random(plan.seed, "world");
  for (auto& worker : workers) worker->begin_after(random.between(base::Duration{1}, base::seconds(3)));
  people.begin();
}

void World::calm_down() {
  trace.say("world", "the faults stop");
  calm = true;
  calm_since = time.now();
  network.calm_down();
  journal.calm_down();
  scheduler.begin_after(base::Duration{1});
  for (auto& worker : workers) {
    worker->lose_root(false);
    worker->workshop().bad_permille = worker->workshop().deaf_permille = 0;
    worker->sight().full = worker->sight().slow = false;
  }
  put_right();
}

// Whatever was stopped begins again, whatever was given up is tried again, until there is nothing left.
void World::put_right() {
  for (auto& worker : workers) worker->begin_after(base::Duration{1});
  people.put_things_right();
  resting = unrest().empty();
  if (!resting) time.after(kRightEvery, [this] { put_right(); });
}

std::string World::unrest() const {
  if (!scheduler.alive()) return "the scheduler is not there";
  if (!people.all_submitted()) return "a job is not submitted";
  for (const scheduler::JobView& job : scheduler.core().list_jobs(false)) {
    if (job.state != jobs::JobState::Done) return fmt::format("job {} is {}", job.id.value, jobs::name(job.state));
    if (!scheduler.core().job(job.id)->swept) return fmt::format("job {} is not swept", job.id.value);
  }
  for (const auto& worker : workers)
    if (!worker->has_left() && (!worker->alive() || !worker->is_quiet()))
      return fmt::format("{} is not at rest", worker->plan().name);
  for (const auto& worker : workers)
    if (const auto left = root.attempts_of(worker->plan().key); !left.empty() && !worker->has_left())
      return fmt::format("the staging directory of attempt {} is left on {}", left.front().text(), worker->plan().name);
  return "";
}

}  // namespace framemill::sim
