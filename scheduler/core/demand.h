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
#include "scheduler/core/events.h"
#include "scheduler/core/records.h"

namespace framemill::scheduler {

enum class WorkKind : std::uint8_t { Generate, Command, Media };

struct Demand {
  WorkKind kind = WorkKind::Generate;
  bool exclusive = false;  // the slot holds nothing else meanwhile
  std::string model;       // "demo-clips@1"; Generate
  base::Sha256 model_digest;
  std::string program;  // Command: argv[0]
  jobs::DeviceWish device = jobs::DeviceWish::Any;
  std::uint64_t device_memory_bytes = 0, host_memory_bytes = 0;
  std::uint32_t cpus = 0;
  std::string device_class;        // pinned; empty: any
  std::vector<std::string> roots;  // written and read
  std::uint32_t batch_max = 1;     // of the package; 1 for exact
  jobs::MemoryPrior cpu_memory, cuda_memory;

  std::weak_ordering operator<=>(const Demand& other) const;
  bool operator==(const Demand& other) const { return (*this <=> other) == 0; }
};

// The demand of a phase of a job; `device_class` is what its variant is pinned to.
Demand demand_of(const JobRecord& job, const jobs::PhasePlan& phase, const std::string& device_class);
Demand alone(Demand demand);  // the same, for a task that must have its slot for itself

using ClassId = std::uint32_t;

// Request classes by number. Never forgets one: their number is bounded by the kinds of work a farm ever saw.
class DemandClasses {
 public:
  ClassId intern(Demand demand);
  const Demand& of(ClassId id) const { return *demands_[id]; }
  std::size_t size() const { return demands_.size(); }

 private:
  std::map<Demand, ClassId> ids_;
  std::vector<const Demand*> demands_;
};

const jobs::PackageFacts* package_of(const JobRecord& job, const std::string& model);

}  // namespace framemill::scheduler
