#include "scheduler/core/state/demand.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "jobs/window_shape.h"

namespace framemill::scheduler {
namespace {

auto memory_key(const jobs::MemoryPrior& m) {
  return std::make_tuple(m.resident_bytes, m.per_window_bytes, m.host_bytes);  // of one shape: nothing to add
}

auto key(const Demand& d) {
  return std::make_tuple(d.runner, d.exclusive, std::cref(d.model), std::cref(d.model_digest), std::cref(d.program),
                         std::cref(d.limits), d.device, d.device_memory_bytes, d.host_memory_bytes, d.cpus,
                         std::cref(d.device_class), std::cref(d.roots), std::cref(d.written_root), d.batch_max,
                         d.batch_max_cpu, memory_key(d.cpu_memory), memory_key(d.cuda_memory));
}

void add_root(std::vector<std::string>& roots, const std::string& root) {
  if (!root.empty() && std::find(roots.begin(), roots.end(), root) == roots.end()) roots.push_back(root);
}

}  // namespace

std::weak_ordering Demand::operator<=>(const Demand& other) const {
  const auto a = key(*this), b = key(other);
  return a < b ? std::weak_ordering::less : b < a ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

const jobs::PackageFacts* package_of(const JobRecord& job, const std::string& model) {
  for (const jobs::PackageFacts& package : job.packages)
    if (package.id() == model) return &package;
  return nullptr;
}

Demand demand_of(const JobRecord& job, const jobs::PhasePlan& phase, const std::string& device_class) {
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  Demand demand;
  demand.device = layer.needs.device;
  demand.device_memory_bytes = layer.needs.device_memory_bytes.value_or(0);
  demand.host_memory_bytes = layer.needs.host_memory_bytes.value_or(0);
  demand.cpus = layer.needs.cpus.value_or(0);
  add_root(demand.roots, phase.root);
  demand.written_root = phase.root;
  for (const jobs::Need& need : phase.needs)
    if (need.reads_files) add_root(demand.roots, job.plan->phases[need.phase].root);
  for (const jobs::LayerInput& input : layer.inputs) add_root(demand.roots, input.root);
  std::sort(demand.roots.begin(), demand.roots.end());

  demand.runner = phase.traits().runner;
  demand.exclusive = phase.traits().exclusive;
  demand.program = layer.program();
  demand.limits = layer.limits;
  demand.model = layer.model();
  if (demand.model.empty()) return demand;
  const jobs::PackageFacts* package = package_of(job, demand.model);
  FM_CHECK(package != nullptr, "a job without the facts of its package");
  demand.model_digest = package->root_digest;
  demand.device_class = device_class;
  const jobs::WindowShape shape = jobs::window_shape(*package, layer.window());
  demand.cpu_memory = jobs::memory_of(*package, package->cpu_memory, shape);
  demand.cuda_memory = jobs::memory_of(*package, package->cuda_memory, shape);
  demand.batch_max = layer.reproducibility == jobs::Reproducibility::Exact
                         ? 1
                         : static_cast<std::uint32_t>(std::max(package->batch_max, 1));
  demand.batch_max_cpu = demand.batch_max;
  if (package->batch_max_cpu > 0)
    demand.batch_max_cpu = std::min(demand.batch_max, static_cast<std::uint32_t>(package->batch_max_cpu));
  return demand;
}

Demand alone(Demand demand) {
  demand.exclusive = true;
  demand.batch_max = demand.batch_max_cpu = 1;
  return demand;
}

ClassId DemandClasses::hold(Demand demand) {
  const auto [entry, added] = ids_.try_emplace(std::move(demand), last_ + 1);
  if (added) classes_[++last_].demand = &entry->first;
  ++classes_.at(entry->second).holders;
  return entry->second;
}

void DemandClasses::release(ClassId id) {
  if (id == 0) return;
  Class& released = classes_.at(id);
  FM_CHECK(released.holders > 0, "a request class released more often than held");
  if (--released.holders == 0) unused_.push_back(id);
}

std::vector<ClassId> DemandClasses::drop_unused() {
  std::vector<ClassId> dropped;
  for (const ClassId id : unused_) {
    const auto entry = classes_.find(id);
    if (entry == classes_.end() || entry->second.holders > 0) continue;
    ids_.erase(ids_.find(*entry->second.demand));
    classes_.erase(entry);
    dropped.push_back(id);
  }
  unused_.clear();
  return dropped;
}

}  // namespace framemill::scheduler
