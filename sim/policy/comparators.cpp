#include "sim/policy/comparators.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>
#include <tuple>

namespace framemill::sim {
namespace {

constexpr double kSacrificed = 0.05;

struct Device {
  std::size_t group = 0;
  std::set<std::string> warm;
};

struct LayerRun {
  std::size_t job = 0, layer = 0;
  std::uint32_t next = 0, running = 0, done = 0;
};

// Greedy: whenever a device is free it gets the first work of the queue that it can take.
class ListScheduler {
 public:
  ListScheduler(const FarmTrace& trace, std::uint64_t seed, const Comparator& rules)
      : trace_(trace), seed_(seed), rules_(rules), first_task_(trace.jobs.size(), -1) {
    out_.policy = std::string(rules.name);
    for (std::size_t g = 0; g < trace.workers.size(); ++g)
      for (std::uint32_t i = 0; i < trace.workers[g].count * trace.workers[g].slots; ++i) {
        free_at_.push({trace.workers[g].at_s, devices_.size()});
        devices_.push_back({g, {}});
      }
    choose_sacrificed();
  }

  PolicyOutcome run() {
    std::size_t submitted = 0;
    double now = 0;
    while (submitted < trace_.jobs.size() || !open_.empty() || !ends_.empty()) {
      now = next_moment(submitted, now);
      if (now == INFINITY) break;  // what is left fits nowhere
      for (; submitted < trace_.jobs.size() && trace_.jobs[submitted].at_s <= now; ++submitted) submit(submitted);
      while (!ends_.empty() && ends_.top().at <= now) finish_one();
      while (!free_at_.empty() && free_at_.top().first <= now) {
        idle_.insert(order_of(free_at_.top().second));
        free_at_.pop();
      }
      give_out(now);
    }
    return close();
  }

 private:
  struct End {
    double at = 0;
    std::size_t run = 0;
    std::uint32_t tasks = 0;
    bool operator>(const End& other) const { return at > other.at; }
  };
  using Order = std::tuple<std::uint64_t, double, std::size_t>;  // of idle devices: the first is asked first

  Order order_of(std::size_t device) const {
    const TraceWorkers& workers = trace_.workers[devices_[device].group];
    return {rules_.smallest_device_first ? workers.memory_bytes : 0, -workers.speed, device};
  }

  double next_moment(std::size_t submitted, double now) const {
    double next = INFINITY;
    if (submitted < trace_.jobs.size()) next = std::min(next, std::max(now, trace_.jobs[submitted].at_s));
    if (!ends_.empty()) next = std::min(next, ends_.top().at);
    if (!free_at_.empty()) next = std::min(next, std::max(now, free_at_.top().first));
    return next;
  }

  void choose_sacrificed() {
    sacrificed_.assign(trace_.jobs.size(), false);
    if (!rules_.sacrifices_longest) return;
    std::vector<std::pair<double, std::size_t>> services;
    for (std::size_t j = 0; j < trace_.jobs.size(); ++j) {
      double service = 0;
      for (const TraceLayer& layer : trace_.jobs[j].layers) service += layer.task_s * layer.tasks;
      services.emplace_back(-service, j);
    }
    std::sort(services.begin(), services.end());
    const auto count = static_cast<std::size_t>(kSacrificed * static_cast<double>(services.size()));
    for (std::size_t i = 0; i < count; ++i) sacrificed_[services[i].second] = true;
  }

  void submit(std::size_t j) {
    for (std::size_t l = 0; l < trace_.jobs[j].layers.size(); ++l) {
      runs_.push_back({j, l, 0, 0, 0});
      const double order = sacrificed_[j] ? 1e12 - static_cast<double>(j) : static_cast<double>(j);
      const double priority = rules_.by_priority ? -trace_.jobs[j].priority : 0;
      open_.insert({priority, order, runs_.size() - 1});
    }
  }

  bool is_ready(const LayerRun& run) const {
    const TraceLayer& layer = trace_.jobs[run.job].layers[run.layer];
    if (layer.chain && run.running > 0) return false;
    const std::size_t first = static_cast<std::size_t>(&run - runs_.data()) - run.layer;  // of the job's runs
    return std::all_of(layer.after.begin(), layer.after.end(), [&](std::uint32_t before) {
      return runs_[first + before].done == trace_.jobs[run.job].layers[before].tasks;
    });
  }

  void give_out(double now) {
    for (auto idle = idle_.begin(); idle != idle_.end() && !open_.empty();) {
      const std::size_t device = std::get<2>(*idle);
      const auto work = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) {
        const LayerRun& run = runs_[std::get<2>(entry)];
        return is_ready(run) &&
               is_able(trace_, trace_.workers[devices_[device].group], trace_.jobs[run.job].layers[run.layer]);
      });
      if (work == open_.end()) {
        ++idle;
        continue;
      }
      start(device, std::get<2>(*work), now);
      if (const LayerRun& run = runs_[std::get<2>(*work)]; run.next == trace_.jobs[run.job].layers[run.layer].tasks)
        open_.erase(work);
      idle = idle_.erase(idle);
    }
  }

  void start(std::size_t device, std::size_t at, double now) {
    LayerRun& run = runs_[at];
    const TraceLayer& layer = trace_.jobs[run.job].layers[run.layer];
    const std::uint32_t count = std::min(layer.chain ? 1 : rules_.chunk, layer.tasks - run.next);
    const bool loads =
        layer.model.empty() || rules_.loads_each_time || devices_[device].warm.insert(layer.model).second;
    const double load = loads ? trace_.load_of(layer) : 0;
    double work = 0;
    for (std::uint32_t i = 0; i < count; ++i) work += trace_.task_seconds(seed_, run.job, run.layer, run.next + i);
    work /= trace_.workers[devices_[device].group].speed;
    run.next += count;
    run.running += count;
    if (first_task_[run.job] < 0) first_task_[run.job] = now;
    ++out_.leases;
    out_.tasks += count;
    out_.busy_s += work;
    out_.load_s += load;
    free_at_.push({now + load + work, device});
    ends_.push({now + load + work, at, count});
  }

  void finish_one() {
    const End end = ends_.top();
    ends_.pop();
    ++out_.events;
    LayerRun& run = runs_[end.run];
    run.running -= end.tasks;
    run.done += end.tasks;
    last_end_ = end.at;
    if (run.done < trace_.jobs[run.job].layers[run.layer].tasks) return;
    if (++layers_done_[run.job] < trace_.jobs[run.job].layers.size()) return;
    ++jobs_done_;
    const auto& deadline = trace_.jobs[run.job].deadline_s;
    if (deadline && end.at <= *deadline) ++out_.deadlines_met;
  }

  PolicyOutcome close() {
    const double first = trace_.jobs.front().at_s;
    out_.makespan_s = last_end_ - first;
    out_.jobs_unfinished = static_cast<std::uint32_t>(trace_.jobs.size()) - jobs_done_;
    for (const TraceWorkers& workers : trace_.workers)
      out_.slot_s += workers.count * workers.slots * std::max(last_end_ - std::max(workers.at_s, first), 0.0);
    for (std::size_t j = 0; j < trace_.jobs.size(); ++j) {
      if (trace_.jobs[j].deadline_s) ++out_.deadlines;
      if (first_task_[j] >= 0) out_.waits_s[trace_.jobs[j].show].push_back(first_task_[j] - trace_.jobs[j].at_s);
    }
    return std::move(out_);
  }

  const FarmTrace& trace_;
  std::uint64_t seed_;
  const Comparator& rules_;
  std::vector<Device> devices_;
  std::vector<LayerRun> runs_;                              // of a job side by side
  std::set<std::tuple<double, double, std::size_t>> open_;  // priority, order, run: with tasks to give out
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  using Free = std::pair<double, std::size_t>;
  std::priority_queue<Free, std::vector<Free>, std::greater<>> free_at_;
  std::set<Order> idle_;
  std::vector<bool> sacrificed_;
  std::vector<double> first_task_;
  std::map<std::size_t, std::size_t> layers_done_;
  std::uint32_t jobs_done_ = 0;
  double last_end_ = 0;
  PolicyOutcome out_;
};

}  // namespace

const std::vector<Comparator>& comparators() {
  static const std::vector<Comparator> kAll{{"fixed-chunks", 10, true, true, false, false},
                                            {"fifo", 1, false, false, false, false},
                                            {"stranded", 1, true, true, true, false},
                                            {"risk", 1, false, false, false, true}};
  return kAll;
}

const Comparator* find_comparator(std::string_view name) {
  const auto& all = comparators();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Comparator& c) { return c.name == name; });
  return found == all.end() ? nullptr : &*found;
}

PolicyOutcome run_comparator(const FarmTrace& trace, std::uint64_t seed, const Comparator& rules) {
  return ListScheduler(trace, seed, rules).run();
}

}  // namespace framemill::sim
