#include "jobs/kinds/input_checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::jobs {
namespace {

// By one task, of all inputs together.
std::int64_t frames_read_at_once(const LayerSpec& spec, const DraftLayers& layers) {
  const TaskReach reach = kind_of(spec.kind).reach(spec);
  std::int64_t count = 0;
  for (const LayerInput& input : spec.inputs) {
    std::int64_t frames = input.frames ? input.frames->count() : 1;
    std::uint32_t variants = 1;
    const LayerDraft* from = input.layer.empty() ? nullptr : layers.find(input.layer);
    if (from != nullptr) {
      if (!input.frames) frames = std::max<std::int64_t>(from->layer.frames.count(), 1);
      if (!input.variant && traits(spec.kind).reads_all_variants) variants = from->layer.variant_count();
    }
    if (!reach.frames.all) {
      const std::int64_t written = reach.one_task ? spec.frames.count() : 1;
      frames = std::min(frames, written * (std::int64_t{reach.frames.hi} - reach.frames.lo + 1));
    }
    count += frames * variants;
  }
  return count;
}

}  // namespace

void check_shown_inputs(const LayerDraft& layer, Findings& errors) {
  const SpecTable table = layer.reader(errors);
  const LayerSpec& spec = layer.layer;
  if (!table.has("input")) table.fail("input", "missing_key", "\"input\" is missing", "input = [{layer = \"boards\"}]");
  const Node* written = table.value("input");
  if (written != nullptr && written->type == Node::Type::Array && spec.inputs.empty())
    table.fail("input", "missing_key", "the input is missing", "at least one element");
  for (std::size_t i = 0; i < spec.inputs.size(); ++i)
    if (!spec.inputs[i].pattern.empty() && !spec.inputs[i].frames)
      table.fail(fmt::format("input[{}].frames", i), "missing_key", "say which frames of the root are read");
}

void check_frames_read(const LayerDraft& layer, const DraftLayers& layers, Findings& errors) {
  const std::int64_t count = frames_read_at_once(layer.layer, layers);
  if (count > kInputFramesPerTaskMax)
    layer.reader(errors).fail("input", "too_many_inputs", fmt::format("{} frames are read at once", count),
                              fmt::format("at most {}; split it into several layers", kInputFramesPerTaskMax));
}

}  // namespace framemill::jobs
