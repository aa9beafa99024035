#include "sim/policy/lower_bound.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <vector>

namespace framemill::sim {
namespace {

// Of one layer: what bounds need to know of its tasks, on a device of speed 1.
struct Work {
  double release = 0, seconds = 0, shortest = 0, longest = 0, load = 0;
  std::uint64_t tasks = 0;
  bool model_is_new = false;  // no work submitted before used the model
  std::size_t job = 0, layer = 0;
};

struct Machine {
  double speed = 1, joins = 0;
};

std::vector<Work> works_of(const FarmTrace& trace, std::uint64_t seed) {
  std::vector<Work> works;
  std::map<std::string, double> first_use;
  for (const TraceJob& job : trace.jobs)
    for (const TraceLayer& layer : job.layers)
      if (!layer.model.empty()) first_use.try_emplace(layer.model, job.at_s);  // jobs come by at_s
  for (std::size_t j = 0; j < trace.jobs.size(); ++j)
    for (std::size_t l = 0; l < trace.jobs[j].layers.size(); ++l) {
      const TraceLayer& layer = trace.jobs[j].layers[l];
      Work work;
      work.release = trace.jobs[j].at_s;
      work.tasks = layer.tasks;
      work.load = trace.load_of(layer);
      work.model_is_new = layer.model.empty() || first_use.at(layer.model) == work.release;
      work.job = j;
      work.layer = l;
      work.shortest = INFINITY;
      if (layer.noise == 0) {
        work.seconds = layer.task_s * layer.tasks;
        work.shortest = work.longest = layer.task_s;
      }
      for (std::uint32_t t = 0; layer.noise > 0 && t < layer.tasks; ++t) {
        const double seconds = trace.task_seconds(seed, j, l, t);
        work.seconds += seconds;
        work.shortest = std::min(work.shortest, seconds);
        work.longest = std::max(work.longest, seconds);
      }
      works.push_back(work);
    }
  return works;
}

// The smallest T at which `made(T)` reaches `wanted`; made grows with T.
double when_reached(double from, double wanted, const std::function<double(double)>& made) {
  double low = from, high = from + 1;
  while (made(high) < wanted && high < 1e15) high = from + (high - from) * 2;
  for (int i = 0; i < 100 && high - low > 1e-9 * std::max(1.0, high); ++i) {
    const double middle = (low + high) / 2;
    (made(middle) < wanted ? low : high) = middle;
  }
  return low;
}

class Bounds {
 public:
  Bounds(const FarmTrace& trace, std::uint64_t seed) : trace_(trace), seed_(seed), works_(works_of(trace, seed)) {}

  LowerBound greatest() {
    std::set<std::vector<bool>> sets;  // of worker groups: those that can take some layer
    for (const Work& work : works_) sets.insert(able_of(work));
    for (const std::vector<bool>& able : sets) of_devices(able);
    of_paths();
    best_.makespan_s -= trace_.jobs.front().at_s;
    return best_;
  }

 private:
  std::vector<bool> able_of(const Work& work) const {
    std::vector<bool> able;
    for (const TraceWorkers& workers : trace_.workers)
      able.push_back(is_able(trace_, workers, trace_.jobs[work.job].layers[work.layer]));
    return able;
  }

  void take(double end, const char* by) {
    if (end <= best_.makespan_s) return;
    best_.makespan_s = end;
    best_.by = by;
  }

  // Of the work that no other devices can take.
  void of_devices(const std::vector<bool>& able) {
    std::vector<Machine> machines;
    for (std::size_t w = 0; w < able.size(); ++w)
      for (std::uint32_t i = 0; able[w] && i < trace_.workers[w].count * trace_.workers[w].slots; ++i)
        machines.push_back({trace_.workers[w].speed, trace_.workers[w].at_s});
    std::sort(machines.begin(), machines.end(), [](const Machine& a, const Machine& b) { return a.speed > b.speed; });
    std::vector<const Work*> included;
    for (const Work& work : works_) {
      const std::vector<bool> its = able_of(work);
      bool inside = true;
      for (std::size_t w = 0; w < able.size(); ++w) inside = inside && (!its[w] || able[w]);
      if (inside) included.push_back(&work);
    }
    const bool is_all = std::all_of(able.begin(), able.end(), [](bool a) { return a; });
    std::set<double> releases;
    for (const Work* work : included) releases.insert(work->release);
    // Many moments of submission bound little more than some of them.
    const std::size_t step = std::max<std::size_t>(releases.size() / 64, 1);
    std::size_t n = 0;
    for (const double release : releases)
      if (n++ % step == 0) from_release(machines, included, release, is_all);
  }

  void from_release(const std::vector<Machine>& machines, const std::vector<const Work*>& included, double release,
                    bool is_all) {
    double seconds = 0, shortest = INFINITY, load = INFINITY;
    std::uint64_t tasks = 0;
    for (const Work* work : included) {
      if (work->release < release) continue;
      seconds += work->seconds;
      tasks += work->tasks;
      shortest = std::min(shortest, work->shortest);
      load = std::min(load, work->model_is_new ? work->load : 0);
    }
    const auto time_of = [&](const Machine& machine, double end) {
      return std::max(end - std::max(release, machine.joins) - load, 0.0) * machine.speed;
    };
    // Machines of equal speed that join together are counted at once.
    std::map<std::pair<double, double>, double> kinds;
    for (const Machine& machine : machines) ++kinds[{machine.speed, machine.joins}];
    take(when_reached(release, seconds,
                      [&](double end) {
                        double made = 0;
                        for (const auto& [kind, count] : kinds) made += count * time_of({kind.first, kind.second}, end);
                        return made;
                      }),
         is_all ? "fluid" : "memory");
    take(when_reached(release, static_cast<double>(tasks),
                      [&](double end) {
                        double made = 0;
                        for (const auto& [kind, count] : kinds)
                          made += count * std::floor(time_of({kind.first, kind.second}, end) / shortest * (1 + 1e-12));
                        return made;
                      }),
         "count");
    of_largest(machines, included, release, load);
  }

  void of_largest(const std::vector<Machine>& machines, const std::vector<const Work*>& included, double release,
                  double load) {
    std::priority_queue<double, std::vector<double>, std::greater<>> largest;
    const auto offer = [&](double seconds) {
      if (largest.size() == machines.size() && largest.top() >= seconds) return false;
      largest.push(seconds);
      if (largest.size() > machines.size()) largest.pop();
      return true;
    };
    for (const Work* work : included) {
      if (work->release < release || (largest.size() == machines.size() && largest.top() >= work->longest)) continue;
      const bool is_even = trace_.jobs[work->job].layers[work->layer].noise == 0;
      for (std::uint32_t t = 0; t < work->tasks; ++t)
        if (!offer(is_even ? work->longest : trace_.task_seconds(seed_, work->job, work->layer, t)) && is_even) break;
    }
    std::vector<double> sorted;
    for (; !largest.empty(); largest.pop()) sorted.push_back(largest.top());
    double work = 0, speed = 0;
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      work += sorted[sorted.size() - 1 - k];
      speed += machines[k].speed;
      take(release + load + work / speed, "largest");
    }
  }

  void of_paths() {
    std::size_t at = 0;
    for (std::size_t j = 0; j < trace_.jobs.size(); ++j) {
      std::vector<double> ends;
      for (std::size_t l = 0; l < trace_.jobs[j].layers.size(); ++l, ++at) {
        const TraceLayer& layer = trace_.jobs[j].layers[l];
        const std::vector<bool> able = able_of(works_[at]);
        double speed = 0, joins = INFINITY;
        for (std::size_t w = 0; w < able.size(); ++w) {
          if (!able[w]) continue;
          speed = std::max(speed, trace_.workers[w].speed);
          joins = std::min(joins, trace_.workers[w].at_s);
        }
        double begins = std::max(trace_.jobs[j].at_s, joins) + (works_[at].model_is_new ? works_[at].load : 0);
        for (const std::uint32_t before : layer.after) begins = std::max(begins, ends[before]);
        ends.push_back(begins + (layer.chain ? works_[at].seconds : works_[at].longest) / speed);
        if (speed > 0) take(ends.back(), "path");
      }
    }
  }

  const FarmTrace& trace_;
  std::uint64_t seed_;
  std::vector<Work> works_;
  LowerBound best_;
};

}  // namespace

LowerBound lower_bound(const FarmTrace& trace, std::uint64_t seed) {
  return Bounds(trace, seed).greatest();
}

}  // namespace framemill::sim
