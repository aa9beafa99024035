// Layers that draw a contact sheet of frames: it also shows what failed, so it waits for the end of all.
#include <array>

#include "jobs/kinds/input_checks.h"
#include "jobs/kinds/kinds.h"

namespace framemill::jobs {
namespace {

constexpr std::array<std::string_view, 2> kSheetKeys{"every", "tile"};

SheetSpec read_sheet(SpecTable& table) {
  SheetSpec work;
  work.every = static_cast<std::int32_t>(table.integer("every", 1, 100'000).value_or(work.every));
  work.tile = static_cast<std::int32_t>(table.integer("tile", 64, 1'024).value_or(work.tile));
  return work;
}

class Sheet final : public Kind {
 public:
  std::span<const std::string_view> keys() const override { return kSheetKeys; }
  Work read(SpecTable& table) const override { return read_sheet(table); }
  std::string default_output(const LayerSpec&) const override { return file_output("png"); }
  std::string_view ending(const LayerSpec&) const override { return ".png"; }

  void check(const LayerDraft& layer, const DraftLayers& layers, const JobDraft&, Findings& errors) const override {
    check_shown_inputs(layer, errors);
    check_frames_read(layer, layers, errors);
  }

  void add_phases(PlanDraft& plan, LayerIndex index) const override {
    PhasePlan phase = plan.phase_of(index, PhaseKind::Sheet, 0);
    phase.task_count = 1;
    plan.add_phase(std::move(phase));
  }

  void write(boost::json::object& out, const LayerSpec& layer) const override {
    const auto& work = std::get<SheetSpec>(layer.work);
    out["every"] = work.every;
    out["tile"] = work.tile;
  }
};

}  // namespace

const Kind& sheet_kind() {
  static const Sheet kind;
  return kind;
}

}  // namespace framemill::jobs
