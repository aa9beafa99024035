// What the farm has a limited number of: licences ("nuke" = 20), and slots that may run a model at once ("big@1" = 4).
// A slot that holds work with a limit uses one of its count, from the grant of the first such lease until the last has
// ended or run out: a slot is one process, which is what a licence counts. Where a count is used up, more of that work
// goes to the slots that use it already, and nowhere else.
//
// Counts come from the configuration, and may be changed at run time (LimitRecord). Which slots use what is derived from
// the leases that live; the functions of FarmState that attach, end and expire leases keep it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

struct Limit {
  std::string name;  // a model's has an "@"
  std::uint32_t count = 0, configured = 0;
  Cause last_change;                         // empty: as configured
  std::map<SlotRef, std::uint32_t> holders;  // slots that use one, with how many leases of it they hold

  bool is_model() const { return name.find('@') != std::string::npos; }
  // More may be in use than the count says: it was lowered meanwhile.
  bool is_used_up() const { return holders.size() >= count; }
};

class LimitBook {
 public:
  // At the start, before anything is held.
  void configure(const LimitSettings& settings);
  bool any() const { return !limits_.empty(); }
  bool any_used_up() const { return used_up_ > 0; }
  const std::map<std::string, Limit>& all() const { return limits_; }
  const Limit* find(const std::string& name) const;
  std::vector<std::string> names() const;  // of tokens alone: what a layer may ask for

  // The count as a person wants it, or as it was on record; a record whose `configured` is no longer what the
  // configuration says is old: the configuration was changed after it.
  void set(const LimitRecord& record);
  // To write: every limit that is not as configured.
  std::vector<LimitRecord> records() const;

  void take(const Demand& demand, const SlotRef& slot);       // one more lease there
  void give_back(const Demand& demand, const SlotRef& slot);  // one fewer

  // Of the limits of the demand the first that is used up, and that the slot does not use already; null: none.
  const Limit* in_the_way(const Demand& demand, const SlotRef& slot) const;
  // The same, of a request class, for slots that use none; null for all classes that have no limit, at once.
  const Limit* used_up(ClassId id, const Demand& demand) const;
  // Slots where work of a class whose limits are used up may still go, ascending.
  std::vector<SlotRef> open_to(const Demand& demand) const;
  // The most slots that may run the class at once; UINT32_MAX: as many as there are.
  std::uint32_t slots_most(ClassId id, const Demand& demand) const;
  bool uses(const Demand& demand, const Limit& limit) const;
  void forget(ClassId id) const { of_class_.erase(id); }

 private:
  std::vector<const Limit*> of(const Demand& demand) const;
  const std::vector<const Limit*>& of(ClassId id, const Demand& demand) const;

  std::map<std::string, Limit> limits_;
  std::map<std::string, std::vector<std::string>> of_programs_;
  std::uint32_t used_up_ = 0;  // limits
  mutable std::unordered_map<ClassId, std::vector<const Limit*>> of_class_;
};

}  // namespace framemill::scheduler
