// Checks that need more than one layer: shot ranges, references, cycles, what inputs offer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/nearest.h"
#include "jobs/file_kind.h"
#include "jobs/kind.h"

namespace framemill::jobs {
namespace {

std::string range_text(FrameSpan span) {
  return fmt::format("{}-{}", span.first, span.last);
}

// The frames with handles at those ends of the range that they reach.
FrameSet widened(const FrameSet& frames, FrameSpan range, std::int32_t handles) {
  if (handles == 0 || frames.empty()) return frames;
  std::vector<FrameSpan> spans = frames.spans();
  if (frames.first() == range.first) spans.insert(spans.begin(), {range.first - handles, range.first - 1, 1});
  if (frames.last() == range.last) spans.push_back({range.last + 1, range.last + handles, 1});
  return FrameSet::of(spans);
}

class Ranges {
 public:
  Ranges(JobDraft& draft, Findings& errors) : draft_(draft), errors_(errors) {}

  void settle() {
    JobSpec& job = draft_.job;
    const FrameSpan range = draft_.own_range.value_or(span_of_layers());
    for (LayerDraft& layer : draft_.layers)
      if (layer.takes_frames() && !layer.frames_failed) settle(layer, range);
    job.shot_range = {range.first - job.handles, range.last + job.handles, 1};
  }

 private:
  // The span of all frames of the layers that go by the job's range.
  FrameSpan span_of_layers() const {
    std::optional<FrameSpan> span;
    for (const LayerDraft& layer : draft_.layers) {
      if (layer.own_range || layer.layer.frames.empty()) continue;
      const Frame first = layer.layer.frames.first(), last = layer.layer.frames.last();
      span = span ? FrameSpan{std::min(span->first, first), std::max(span->last, last), 1} : FrameSpan{first, last, 1};
    }
    return span.value_or(FrameSpan{});
  }

  void settle(LayerDraft& draft, FrameSpan job_range) {
    LayerSpec& layer = draft.layer;
    const SpecTable table = draft.reader(errors_);
    const FrameSpan range = draft.own_range.value_or(job_range);
    if (!draft.has_frames_key) {
      if (!draft.own_range && !draft_.own_range) {
        if (!draft_.frames_failed)
          table.fail("frames", "missing_key", "\"frames\" is missing, and no shot_range says which",
                     "frames such as \"1001-1096\"");
        return;
      }
      layer.frames = FrameSet(range.first, range.last);
    }
    if (layer.frames.first() < range.first || layer.frames.last() > range.last)
      return table.fail(
          "frames", "frames_outside_range",
          fmt::format("the frames {} do not lie in the {} shot range {}", layer.frames.text().substr(0, 80),
                      draft.own_range ? "layer's" : "job's", range_text(range)),
          draft.own_range ? "" : "a shot_range of the layer's own");
    layer.handles = draft.own_handles.value_or(draft.own_range ? 0 : draft_.job.handles);
    layer.shot_range = {range.first - layer.handles, range.last + layer.handles, 1};
    if (layer.shot_range.count() > kFramesMax + 2 * std::int64_t{layer.handles})
      return table.fail("frames", "too_many_frames",
                        fmt::format("the shot range {} is longer than {} frames", range_text(range), kFramesMax));
    if (layer.shot_range.first < -kFrameMax || layer.shot_range.last > kFrameMax)
      return table.fail("handles", "out_of_range",
                        fmt::format("the handles leave the legal frames -{}..{}", kFrameMax, kFrameMax));
    layer.frames = widened(layer.frames, range, layer.handles);
    if (layer.frames.spans().size() > kFrameSpansMax)
      table.fail("frames", "too_fragmented", fmt::format("more than {} separate ranges", kFrameSpansMax));
  }

  JobDraft& draft_;
  Findings& errors_;
};

class Links {
 public:
  Links(const JobDraft& draft, Findings& errors) : draft_(draft), layers_(draft), errors_(errors) {
    for (const LayerDraft& layer : draft_.layers) names_.push_back(layer.layer.name);
  }

  void check() {
    for (const LayerDraft& layer : draft_.layers) {
      if (errors_.full()) return;
      const SpecTable table = layer.reader(errors_);
      if (!layer.layer.name.empty() && layers_.find(layer.layer.name) != &layer)
        table.fail("name", "duplicate_layer",
                   fmt::format("the name \"{}\" is used by another layer", layer.layer.name));
      if (!draft_.has_shot_key && !table.has("shot"))
        table.fail("shot", "missing_key", "the shot is missing in both the job and the layer", "shot = \"hb_0010\"");
      for (std::size_t i = 0; i < layer.layer.after.size(); ++i)
        source(layer, fmt::format("after[{}]", i), layer.layer.after[i]);
      for (std::size_t i = 0; i < layer.layer.inputs.size(); ++i) check_input(layer, i);
      if (!layer.kind_known) continue;
      if (traits(layer.layer.kind).reads_pictures && !draft_.is_stored)
        for (std::size_t i = 0; i < layer.layer.inputs.size(); ++i) check_input_format(layer, i);
      kind_of(layer.layer.kind).check(layer, layers_, draft_, errors_);
    }
    find_cycles();
  }

 private:
  // The layer of that name; faults when there is none.
  const LayerDraft* source(const LayerDraft& layer, const std::string& key, const std::string& wanted) {
    if (const LayerDraft* found = layers_.find(wanted)) return found;
    if (errors_.full()) return nullptr;
    layer.reader(errors_).fail(key, "unknown_layer", fmt::format("layer \"{}\" not found", wanted),
                               base::listed(names_, 10), base::nearest(wanted, names_));
    return nullptr;
  }

  void check_input(const LayerDraft& layer, std::size_t index) {
    const LayerInput& input = layer.layer.inputs[index];
    if (input.layer.empty() || errors_.full()) return;
    const SpecTable table = layer.reader(errors_);
    const std::string key = fmt::format("input[{}]", index);
    const LayerDraft* from = source(layer, key + ".layer", input.layer);
    if (from == nullptr || !from->kind_known) return;
    const std::uint32_t variants = std::max(from->layer.variant_count(), 1u);
    if (input.variant.value_or(0) >= variants)
      table.fail(key + ".variant", "unknown_variant",
                 fmt::format("layer \"{}\" has no variant {}", input.layer, *input.variant),
                 fmt::format("0 to {}: the index, not the seed", variants - 1));
    const bool has_frames = from->layer.makes_frames();
    if (!has_frames && layer.kind_known && traits(layer.layer.kind).reads_pictures)
      table.fail(key + ".layer", "input_has_no_frames",
                 fmt::format("layer \"{}\" makes one file, not frames", input.layer));
    if (!has_frames && input.frames)
      table.fail(key + ".frames", "input_has_no_frames",
                 fmt::format("layer \"{}\" makes one file, not frames", input.layer));
    if (has_frames && input.frames && !from->layer.frames.empty() && !from->layer.frames.includes(*input.frames))
      table.fail(key + ".frames", "input_missing_frames",
                 fmt::format("layer \"{}\" does not write all of these frames", input.layer),
                 fmt::format("frames within {}", from->layer.frames.text().substr(0, 80)));
  }

  // The farm itself reads EXR and PNG. A file without a familiar ending may be one of them.
  void check_input_format(const LayerDraft& layer, std::size_t index) {
    const LayerInput& input = layer.layer.inputs[index];
    const LayerDraft* from = input.layer.empty() ? nullptr : layers_.find(input.layer);
    if (from != nullptr && !from->layer.makes_frames()) return;
    const std::string& name = from == nullptr ? input.pattern : from->layer.output;
    const FileKind kind = file_kind(name);
    if (kind != FileKind::Picture && kind != FileKind::Movie) return;
    layer.reader(errors_).fail(fmt::format("input[{}]", index), "input_format",
                               fmt::format("{} is neither EXR nor PNG", name.substr(name.rfind('/') + 1)),
                               "frames in .exr or .png; a command can convert them");
  }

  // Depth-first, each layer once; a layer met again while its own search is open closes a cycle.
  void find_cycles() {
    for (const LayerDraft& layer : draft_.layers) visit(layer);
  }
  void visit(const LayerDraft& layer) {
    auto& mark = marks_[&layer];
    if (mark == Mark::Done) return;
    if (mark == Mark::Open) return tell_cycle(layer);
    mark = Mark::Open;
    open_.push_back(&layer);
    const auto follow = [&](const std::string& wanted) {
      if (const LayerDraft* found = layers_.find(wanted)) visit(*found);
    };
    for (const std::string& after : layer.layer.after) follow(after);
    for (const LayerInput& input : layer.layer.inputs)
      if (!input.layer.empty()) follow(input.layer);
    open_.pop_back();
    marks_[&layer] = Mark::Done;
  }
  void tell_cycle(const LayerDraft& layer) {
    const auto start = std::find(open_.begin(), open_.end(), &layer);
    std::string way;
    for (auto at = start; at != open_.end(); ++at) way += (*at)->layer.name + " -> ";
    layer.reader(errors_).fail("", "cycle",
                               fmt::format("these layers wait for each other: {}{}", way, layer.layer.name),
                               "no cycle in after and input");
  }

  enum class Mark { None, Open, Done };
  const JobDraft& draft_;
  const DraftLayers layers_;
  Findings& errors_;
  std::vector<std::string> names_;
  std::map<const LayerDraft*, Mark> marks_;
  std::vector<const LayerDraft*> open_;
};

}  // namespace

DraftLayers::DraftLayers(const JobDraft& draft) {
  for (const LayerDraft& layer : draft.layers) by_name_.emplace(layer.layer.name, &layer);
}

const LayerDraft* DraftLayers::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void settle_ranges(JobDraft& draft, Findings& errors) {
  Ranges(draft, errors).settle();
}

void settle_inherited(JobDraft& draft, Findings& errors) {
  const DraftLayers layers(draft);
  for (LayerDraft& layer : draft.layers)
    if (layer.kind_known) kind_of(layer.layer.kind).inherit(layer, layers, errors);
}

void check_links(const JobDraft& draft, Findings& errors) {
  Links(draft, errors).check();
}

}  // namespace framemill::jobs
