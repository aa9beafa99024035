#include "tests/forecast/truth.h"

#include <catch2/catch.hpp>

#include "base/rfc3339.h"
#include "sim/samples.h"

namespace framemill::forecast::testing {

using namespace scheduler;

jobs::PackageFacts package(const std::string& name) {
  jobs::PackageFacts facts = sim::sample_package(name);
  facts.cpu_memory = facts.cuda_memory = {100, 50, 0};
  return facts;
}

std::shared_ptr<const jobs::JobSpec> spec(const std::string& shot, const std::string& layer, int priority,
                                          base::WallTime deadline, const std::string& show) {
  std::string keys = "priority = " + std::to_string(priority);
  if (deadline.unix_ms != 0) keys += "\ndeadline = " + base::format_rfc3339(deadline);
  return sim::sample_spec(shot, "[[layer]]\nname = \"a\"\n" + layer, keys, show);
}

std::string commands(const std::string& program, int frames) {
  return "kind = \"command\"\nargv = [\"" + program + "\"]\noutput = \"{frame}.png\"\nframes = \"1-" +
         std::to_string(frames) + "\"\n";
}

std::string windows(const std::string& model, int frames, const std::string& more) {
  return "kind = \"generate\"\nmodel = \"" + model + "@1\"\nprompt = \"sea\"\nframes = \"1-" + std::to_string(frames) +
         "\"\n" + more;
}

Inventory inventory(const std::string& name, const std::string& device_class) {
  Inventory all;
  all.name = name;
  all.version = "1";
  all.devices = {{"gpu0", "gpu " + device_class, device_class, DeviceKind::Cuda, 1'000, 1'000, 8}};
  all.slots = {{0, "s0", 0, {}, true}};
  all.packages = {{"demo@1", base::sha256("demo@1")}, {"other@1", base::sha256("other@1")}};
  all.roots = {{"main", true, 1, true}};
  all.commands = {"grain", "grade", "comp"};
  return all;
}

Truth::Truth(Seconds task, std::uint64_t seed, double load_s)
    : farm({}, {task, [load_s](const TaskRun& run, Draws&) { return run.phase.traits().windowed ? load_s : 0.0; }},
           seed),
      seed_(seed), task_(std::move(task)) {
  farm.watch(this);
  farm.begin({1'800'000'000'000});
}

WorkerId Truth::join(const std::string& name, const std::string& device_class) {
  const Inventory all = inventory(name, device_class);
  const WorkerId id = farm.join("key " + name, all);
  devices_[id] = all.devices.front();
  return id;
}

JobId Truth::submit(std::shared_ptr<const jobs::JobSpec> spec, std::vector<jobs::PackageFacts> packages) {
  const auto job = farm.submit(std::move(spec), std::move(packages), {"ana", farm.wall(), ""});
  INFO((job.ok() ? "" : job.error().message));
  REQUIRE(job.ok());
  jobs_[*job] = *farm.farm().job(*job);
  return *job;
}

void Truth::on_finished(WorkerId by, PhaseId of, TaskRange tasks, base::Instant at) {
  const auto job = jobs_.find(of.job);
  if (job == jobs_.end()) return;
  for (TaskIndex task = tasks.first; task < tasks.end(); ++task) {
    // What the virtual worker drew for it.
    Draws draws(seed_ ^ (std::uint64_t{of.job.value} << 20), of.index, task, by.value);
    const jobs::PhasePlan& phase = job->second.plan->phases[of.index];
    CommitRecord commit;
    commit.phase = of;
    commit.task = task;
    commit.worker = by;
    commit.device_class = devices_.at(by).device_class;
    commit.time = farm.wall_at(at);
    commit.duration_us =
        static_cast<std::uint64_t>(1e6 * task_({job->second, phase, task, by, devices_.at(by)}, draws)) + 1;
    commits_.push_back(commit);
  }
}

void Truth::on_job_over(JobId job, jobs::JobState state, base::Instant at) {
  if (state == jobs::JobState::Done) over[job] = farm.wall_at(at);
}

FarmAsItIs Truth::as_it_is() {
  replica_ = std::make_unique<Replica>();
  // The jobs as they were made, so that what they showed is learned, and then how things stand.
  for (const auto& [id, job] : jobs_) {
    Persist made;
    made.puts.emplace_back(job);
    replica_->take(std::move(made));
  }
  for (const CommitRecord& commit : commits_) {
    Persist turn;
    turn.puts.emplace_back(commit);
    replica_->take(std::move(turn));
  }
  Persist now;
  now.puts = farm.farm().records();
  replica_->take(std::move(now));
  std::vector<WorkerRow> rows;
  for (WorkerView& view : farm.farm().list_workers({farm.now(), farm.wall()}))
    rows.push_back(std::make_shared<WorkerView>(std::move(view)));
  FarmSettings settings;
  settings.epoch.number = 9;
  return {*replica_, std::move(rows), settings, farm.wall()};
}

Budget unlimited(std::uint32_t futures) {
  Budget budget;
  budget.futures_least = budget.futures_most = futures;
  budget.cpu_now_ms = [] { return 0.0; };
  return budget;
}

Forecasts Truth::look(std::uint32_t futures, const TrackRecord* track, std::uint64_t look_seed) {
  return look_ahead(as_it_is(), unlimited(futures), look_seed, track);
}

}  // namespace framemill::forecast::testing
