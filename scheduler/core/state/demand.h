// What the tasks of a phase ask of a slot: equal demands form one request class, so that the matcher asks each slot
// once per class and not once per phase. Pure values.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "jobs/memory.h"
#include "jobs/plan.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

using jobs::Runner;

struct Demand {
  Runner runner = Runner::Executor;
  bool exclusive = false;  // the slot holds nothing else meanwhile
  std::string model;       // "demo-clips@1"; empty: the work has no model
  base::Sha256 model_digest;
  std::string program;              // that a command runs; else empty
  std::vector<std::string> limits;  // that the spec names, sorted
  jobs::DevicePreference device = jobs::DevicePreference::Any;
  std::uint64_t device_memory_bytes = 0, host_memory_bytes = 0;
  std::uint32_t cpus = 0;
  std::string device_class;         // pinned; empty: any
  std::vector<std::string> roots;   // written and read
  std::string written_root;         // of them
  std::uint32_t batch_max = 1;      // of the package; 1 for exact
  std::uint32_t batch_max_cpu = 1;  // the same on a CPU, never more
  jobs::MemoryPrior cpu_memory, cuda_memory;

  std::uint32_t batch_max_on(DeviceKind kind) const { return kind == DeviceKind::Cpu ? batch_max_cpu : batch_max; }
  std::weak_ordering operator<=>(const Demand& other) const;
  bool operator==(const Demand& other) const { return (*this <=> other) == 0; }
};

// The demand of a phase of a job; `device_class` is what its variant is pinned to.
Demand demand_of(const JobRecord& job, const jobs::PhasePlan& phase, const std::string& device_class);
Demand alone(Demand demand);  // the same, for a task that must have its slot for itself

using ClassId = std::uint64_t;  // never used again; 0: none

// Request classes by number, with how many hold them: two per phase of a job in memory (promise P7). One that nobody
// holds any more stays until drop_unused(), so that what a turn refers to lives as long as the turn.
class DemandClasses {
 public:
  ClassId hold(Demand demand);
  void release(ClassId id);
  std::vector<ClassId> drop_unused();  // those that are gone now
  const Demand& of(ClassId id) const { return *classes_.at(id).demand; }
  std::size_t size() const { return classes_.size(); }

 private:
  struct Class {
    const Demand* demand = nullptr;  // a key of ids_
    std::uint32_t holders = 0;
  };
  std::map<Demand, ClassId> ids_;
  std::map<ClassId, Class> classes_;
  std::vector<ClassId> unused_;  // perhaps: they may be held again
  ClassId last_ = 0;
};

const jobs::PackageFacts* package_of(const JobRecord& job, const std::string& model);

}  // namespace framemill::scheduler
