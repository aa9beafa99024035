#include "sim/policy/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "forecast/virtual_farm.h"

namespace framemill::sim {
namespace {

using namespace scheduler;
using forecast::TaskRun;
using forecast::VirtualFarm;

// Of every model of a trace: a task is a window of so many frames, of which a chain repeats some.
constexpr std::uint32_t kWindowFrames = 16, kContextFrames = 4;
constexpr base::WallTime kTraceBegins{1'767'225'600'000};  // 2026-01-01

base::Instant instant_of(double seconds) {
  return VirtualFarm::start() + base::Duration{static_cast<std::int64_t>(seconds * 1000)};
}

jobs::PackageFacts package_of_model(const TraceModel& model) {
  jobs::PackageFacts facts;
  const std::size_t at = model.name.find('@');
  facts.name = model.name.substr(0, at);
  facts.version = model.name.substr(at + 1);
  facts.root_digest = base::sha256(model.name);
  facts.window_frames = kWindowFrames;
  facts.context_frames = kContextFrames;
  facts.width = facts.height = 64;
  facts.fps = 24;
  facts.default_steps = 1;
  facts.steps_max = 100;
  facts.colour_space = "srgb";
  const std::uint64_t window = std::min<std::uint64_t>(model.memory_bytes, 1);
  facts.cpu_memory = facts.cuda_memory = {model.memory_bytes - window, window, 0};
  return facts;
}

std::uint64_t frames_of(const TraceLayer& layer) {
  if (layer.model.empty()) return layer.tasks;
  if (!layer.chain) return std::uint64_t{layer.tasks} * kWindowFrames;
  return kWindowFrames + std::uint64_t{layer.tasks - 1} * (kWindowFrames - kContextFrames);
}

std::string layer_text(const TraceJob& job, const TraceLayer& layer) {
  std::string text = fmt::format("[[layer]]\nname = \"{}\"\nframes = \"1-{}\"\n", layer.name, frames_of(layer));
  if (layer.model.empty())
    text += "kind = \"command\"\nargv = [\"run\"]\noutput = \"{layer}/{frame}.png\"\n";
  else
    text += fmt::format("kind = \"generate\"\nmodel = \"{}\"\nprompt = \"sea\"\nplan = \"{}\"\n", layer.model,
                        layer.chain ? "chain" : "independent");
  if (layer.chunk) text += fmt::format("chunk = {}\n", *layer.chunk);
  std::string needs;
  if (layer.device) needs += fmt::format("device = \"{}\"", *layer.device == DeviceKind::Cpu ? "cpu" : "cuda");
  if (layer.model.empty() && layer.memory_bytes > 0)
    needs += fmt::format("{}device_memory = \"{}B\"", needs.empty() ? "" : ", ", layer.memory_bytes);
  if (!needs.empty()) text += "needs = { " + needs + " }\n";
  std::string after;
  for (const std::uint32_t before : layer.after)
    after += (after.empty() ? "\"" : ", \"") + job.layers[before].name + "\"";
  if (!after.empty()) text += "after = [" + after + "]\n";
  return text;
}

std::string spec_text(const TraceJob& job, std::size_t number) {
  std::string text = fmt::format(
      "api = \"framemill/v1\"\nname = \"{}\"\nshow = \"{}\"\nsequence = \"trace\"\nshot = \"t{}\"\npriority = {}\n",
      job.name, job.show, number + 1, job.priority);
  if (job.deadline_s)
    text +=
        fmt::format("deadline = {}\n",
                    base::format_rfc3339({kTraceBegins.unix_ms + static_cast<std::int64_t>(*job.deadline_s * 1000)}));
  for (const TraceLayer& layer : job.layers) text += layer_text(job, layer);
  return text;
}

Inventory inventory_of(const FarmTrace& trace, const TraceWorkers& workers, std::uint32_t number) {
  Inventory inventory;
  inventory.name = fmt::format("{}{}", workers.name, number + 1);
  inventory.version = "1";
  for (std::uint32_t i = 0; i < workers.slots; ++i) {
    inventory.devices.push_back({fmt::format("d{}", i), workers.device_class, workers.device_class, workers.kind,
                                 workers.memory_bytes, workers.memory_bytes, 64});
    inventory.slots.push_back({i, fmt::format("s{}", i), i, {}, true});
  }
  for (const TraceModel& model : trace.models) inventory.packages.push_back({model.name, base::sha256(model.name)});
  inventory.roots = {{"main", true, 1, true}};
  inventory.commands = {"run"};
  inventory.media = true;
  return inventory;
}

class Replay : forecast::FarmWatcher {
 public:
  Replay(const FarmTrace& trace, std::uint64_t seed)
      : trace_(trace), seed_(seed), farm_(FarmSettings{}, durations(), seed), first_task_(trace.jobs.size(), -1) {
    farm_.watch(this);
    out_.policy = "framemill";
  }

  base::Result<PolicyOutcome> run() {
    farm_.begin(kTraceBegins);
    for (const TraceModel& model : trace_.models) packages_.push_back(package_of_model(model));
    std::vector<std::pair<double, std::size_t>> joins;
    for (std::size_t w = 0; w < trace_.workers.size(); ++w) joins.emplace_back(trace_.workers[w].at_s, w);
    std::stable_sort(joins.begin(), joins.end());
    auto joining = joins.begin();
    for (std::size_t j = 0; j < trace_.jobs.size(); ++j) {
      for (; joining != joins.end() && joining->first <= trace_.jobs[j].at_s; ++joining) join(joining->second);
      farm_.run_until(instant_of(trace_.jobs[j].at_s));
      if (const base::Status submitted = submit(j); !submitted.ok()) return submitted.error();
    }
    for (; joining != joins.end(); ++joining) join(joining->second);
    farm_.run_until_idle();
    finish();
    return std::move(out_);
  }

 private:
  forecast::Durations durations() {
    return {[this](const TaskRun& run, forecast::Draws&) {
              if (run.phase.kind == jobs::PhaseKind::Decode) return 0.0;
              return trace_.task_seconds(seed_, job_of(run), run.phase.layer, run.task) / speed_of(run.worker);
            },
            [this](const TaskRun& run, forecast::Draws&) {
              return trace_.load_of(trace_.jobs[job_of(run)].layers[run.phase.layer]);
            }};
  }
  static std::size_t job_of(const TaskRun& run) { return run.job.id.value - 1; }  // submitted in their order
  double speed_of(WorkerId worker) const { return speeds_[worker.value]; }

  void join(std::size_t group) {
    const TraceWorkers& workers = trace_.workers[group];
    farm_.run_until(instant_of(workers.at_s));
    for (std::uint32_t i = 0; i < workers.count; ++i) {
      // Its first work may be granted as it joins.
      speeds_.resize(std::max<std::size_t>(speeds_.size(), joined_ + 2), 1);
      speeds_[++joined_] = workers.speed;
      farm_.join(fmt::format("{}-{}", workers.name, joined_), inventory_of(trace_, workers, i));
    }
  }

  base::Status submit(std::size_t j) {
    jobs::ParsedSpec parsed = jobs::parse_spec(spec_text(trace_.jobs[j], j), jobs::SpecFormat::Toml);
    if (!parsed.spec)
      return base::Error{parsed.errors.front().code, parsed.errors.front().message, {}, {}}.wrapped(
          fmt::format("job {} of the trace", j + 1));
    Cause cause;
    cause.principal = trace_.jobs[j].user;
    cause.time = farm_.wall();
    const auto job = farm_.submit(std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec)), packages_, cause);
    if (!job.ok()) return job.error().wrapped(fmt::format("job {} of the trace", j + 1));
    FM_CHECK(job->value == j + 1, "jobs of a trace are numbered as they are submitted");
    return {};
  }

  void on_granted(const GrantLease& grant, base::Instant at) override {
    ++out_.leases;
    std::int64_t& first = first_task_[grant.phase.job.value - 1];
    if (first < 0) first = at.ms;
  }
  void on_finished(WorkerId, PhaseId of, TaskRange tasks, base::Instant at) override {
    last_ = at;
    if (farm_.farm().job(of.job)->plan->phases[of.index].kind != jobs::PhaseKind::Decode) out_.tasks += tasks.count;
  }
  void on_job_over(JobId job, jobs::JobState state, base::Instant at) override {
    if (state != jobs::JobState::Done) return;
    ++done_;
    const TraceJob& of = trace_.jobs[job.value - 1];
    if (of.deadline_s && at <= instant_of(*of.deadline_s)) ++out_.deadlines_met;
  }

  void finish() {
    const double first_s = trace_.jobs.front().at_s;
    const double end_s = static_cast<double>((last_ - VirtualFarm::start()).ms) / 1000;
    out_.makespan_s = end_s - first_s;
    out_.jobs_unfinished = static_cast<std::uint32_t>(trace_.jobs.size()) - done_;
    out_.events = farm_.events();
    const forecast::SlotTime spent = farm_.spent();
    out_.busy_s = static_cast<double>(spent.work) / 1e6;
    out_.load_s = static_cast<double>(spent.load) / 1e6;
    out_.lost_s = static_cast<double>(spent.lost) / 1e6;
    for (const TraceWorkers& workers : trace_.workers)
      out_.slot_s += workers.count * workers.slots * std::max(end_s - std::max(workers.at_s, first_s), 0.0);
    for (std::size_t j = 0; j < trace_.jobs.size(); ++j) {
      if (trace_.jobs[j].deadline_s) ++out_.deadlines;
      if (first_task_[j] < 0) continue;
      out_.waits_s[trace_.jobs[j].show].push_back(
          static_cast<double>(first_task_[j] - instant_of(trace_.jobs[j].at_s).ms) / 1000);
    }
  }

  const FarmTrace& trace_;
  std::uint64_t seed_;
  VirtualFarm farm_;
  std::vector<jobs::PackageFacts> packages_;
  std::vector<double> speeds_;
  std::uint32_t joined_ = 0, done_ = 0;
  std::vector<std::int64_t> first_task_;
  base::Instant last_ = VirtualFarm::start();
  PolicyOutcome out_;
};

}  // namespace

base::Result<PolicyOutcome> replay(const FarmTrace& trace, std::uint64_t seed) {
  return Replay(trace, seed).run();
}

}  // namespace framemill::sim
