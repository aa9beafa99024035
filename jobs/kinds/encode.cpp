// Layers that make a movie of frames.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/nearest.h"
#include "jobs/kinds/input_checks.h"
#include "jobs/kinds/kinds.h"
#include "jobs/spec_json.h"

namespace framemill::jobs {
namespace {

constexpr std::array<std::string_view, 4> kEncodeKeys{"fps", "codec", "scale", "burn_in"};

EncodeSpec read_encode(SpecTable& table) {
  static const std::vector<std::string_view> kBurnIn{"show", "sequence", "shot", "layer", "version", "frame"};
  EncodeSpec work;
  work.fps = read_rate(table, "fps");
  table.choice("codec", {"h264"});  // the only one so far
  work.scale = static_cast<std::int32_t>(table.integer("scale", 1, 16).value_or(work.scale));
  if (auto words = table.texts("burn_in", TextRule::Line, kBurnIn.size())) {
    for (std::size_t i = 0; i < words->size(); ++i) {
      const std::string& word = (*words)[i];
      if (std::find(kBurnIn.begin(), kBurnIn.end(), word) == kBurnIn.end())
        table.fail(
            fmt::format("burn_in[{}]", i), "unknown_value", fmt::format("\"{}\" cannot be burnt in", printable(word)),
            "show, sequence, shot, layer, version, frame", base::nearest(word, {kBurnIn.begin(), kBurnIn.end()}));
    }
    work.burn_in = std::move(*words);
  }
  return work;
}

class Encode final : public Kind {
 public:
  std::span<const std::string_view> keys() const override { return kEncodeKeys; }
  Work read(SpecTable& table) const override { return read_encode(table); }
  std::string default_output(const LayerSpec&) const override { return file_output("mp4"); }
  std::string_view ending(const LayerSpec&) const override { return ".mp4"; }

  void check(const LayerDraft& layer, const DraftLayers& layers, const JobDraft&, Findings& errors) const override {
    check_shown_inputs(layer, errors);
    check_frames_read(layer, layers, errors);
  }

  std::optional<FrameRate> rate(const LayerSpec& layer) const override { return std::get<EncodeSpec>(layer.work).fps; }

  void add_phases(PlanDraft& plan, LayerIndex index) const override {
    PhasePlan phase = plan.phase_of(index, PhaseKind::Encode, 0);
    phase.task_count = 1;
    plan.add_phase(std::move(phase));
  }

  void write(boost::json::object& out, const LayerSpec& layer) const override {
    const auto& work = std::get<EncodeSpec>(layer.work);
    if (work.fps) out["fps"] = rate_json(*work.fps);
    out["codec"] = work.codec;
    out["scale"] = work.scale;
    out["burn_in"] = texts_json(work.burn_in);
  }
};

}  // namespace

const Kind& encode_kind() {
  static const Encode kind;
  return kind;
}

}  // namespace framemill::jobs
