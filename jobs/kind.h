// One kind of layer: what it reads from a spec, what it checks, how it is planned and how its outputs are named. One
// object per kind, each in a file of jobs/kinds; the parser and the planner go through this interface and name none of
// them. Private to jobs; everybody else asks for traits (jobs/layer_kind.h, jobs/phase_kind.h).
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "jobs/plan_draft.h"
#include "jobs/spec_draft.h"

namespace framemill::jobs {

// The layers of a draft by name, the first of each name.
class DraftLayers {
 public:
  explicit DraftLayers(const JobDraft& draft);
  const LayerDraft* find(const std::string& name) const;  // nullptr: there is none

 private:
  std::map<std::string, const LayerDraft*> by_name_;
};

class Kind {
 public:
  virtual ~Kind() = default;

  // -- Reading. The keys that this kind alone has, in the order of the documentation.
  virtual std::span<const std::string_view> keys() const = 0;
  virtual Work read(SpecTable& table) const = 0;
  // After the keys that layers share; only for kinds that take frames. `is_given`: the spec has a `chunk`.
  virtual void settle_chunk(SpecTable&, LayerDraft&, bool /*is_given*/) const {}
  // A layer as an older version stored it gets the keys that say the same today.
  virtual void keep_old_meaning(Node&) const {}
  // The pattern of a layer that gives no output, and the ending that a pattern must have; empty: any.
  virtual std::string default_output(const LayerSpec& layer) const = 0;
  virtual std::string_view ending(const LayerSpec& layer) const = 0;

  // -- Checking, once all layers are read.
  virtual void check(const LayerDraft& layer, const DraftLayers& layers, const JobDraft& job,
                     Findings& errors) const = 0;
  // Takes from other layers what this one leaves out.
  virtual void inherit(LayerDraft&, const DraftLayers&, Findings&) const {}

  // -- Planning.
  virtual TaskReach reach(const LayerSpec&) const { return {}; }
  virtual std::optional<FrameRate> rate(const LayerSpec&) const { return std::nullopt; }
  // Adds the layer's phases, variant after variant, the first phase of each first.
  virtual void add_phases(PlanDraft& plan, LayerIndex layer) const = 0;
  // Adds what the phases of one variant wait for, beside `after`; `first`: the variant's first phase.
  virtual void add_needs(PlanDraft& plan, LayerIndex layer, PhaseIndex first) const;

  // -- The spec as canonical JSON: the keys that this kind alone has.
  virtual void write(boost::json::object& out, const LayerSpec& layer) const = 0;
};

const Kind& kind_of(LayerKind kind);
std::span<const LayerKind> layer_kinds();  // all of them, in the order of the documentation

}  // namespace framemill::jobs
