// Checks of what a job writes: output patterns, two outputs of one name, and how much it is in all.
#include <fmt/format.h>

#include <deque>

#include "jobs/kind.h"
#include "jobs/output_names.h"

namespace framemill::jobs {
namespace {

// The layer's pattern for one variant; words that did not parse are stood in for, so that they are told only once.
base::Result<std::string> resolved(const JobSpec& job, const LayerSpec& layer, std::uint32_t variant) {
  const auto or_else = [](const std::string& word, std::string_view other) {
    return word.empty() ? other : std::string_view(word);
  };
  return resolve_output(layer.output, {or_else(job.show, "show"), job.sequence, or_else(layer.shot, "shot"),
                                       or_else(layer.name, "layer"), variant, job.version.value_or(1)});
}

// True when the pattern is fit to be compared with others.
bool check_pattern(const JobSpec& job, const LayerDraft& draft, Findings& errors) {
  const LayerSpec& layer = draft.layer;
  const SpecTable table = draft.reader(errors);
  if (draft.output_failed) return false;  // told before
  const auto pattern = resolved(job, layer, 0);
  if (!pattern.ok()) {
    table.fail("output", pattern.error().code.substr(5), pattern.error().message, pattern.error().hint);
    return false;
  }
  const bool has_frame = has_token(layer.output, "frame");
  if (!draft.takes_frames() && has_frame) {
    table.fail("output", "unknown_token", "the layer makes one file, so {frame} cannot be used",
               "a pattern without {frame}");
    return false;
  }
  if (const std::string_view ending = kind_of(layer.kind).ending(layer); !pattern->ends_with(ending)) {
    table.fail("output", "bad_ending", fmt::format("the name does not end in {}", ending), std::string(ending));
    return false;
  }
  if (layer.makes_frames() && !has_frame && layer.frames.count() > 1) {
    table.fail("output", "output_collision", "without {frame} all frames would get one name",
               "a pattern with {frame:04}");
    return false;
  }
  return true;
}

bool check_size(const JobDraft& draft, Findings& errors) {
  std::size_t phases = 0;
  std::int64_t frames = 0;
  for (const LayerDraft& layer : draft.layers) {
    const std::size_t variants = layer.layer.variant_count();
    phases += variants * phases_per_variant(layer.layer.kind);
    frames += layer.layer.frames.count() * static_cast<std::int64_t>(variants);
    if (phases > kPhasesMax) {
      layer.reader(errors).fail("variants", "too_large", fmt::format("the job has more than {} phases", kPhasesMax),
                                "fewer layers or variants");
      return false;
    }
    if (frames > kFramesMax) {
      layer.reader(errors).fail(
          "frames", "too_many_frames",
          fmt::format("the job writes more than {} frames over all layers and variants", kFramesMax), "several jobs");
      return false;
    }
  }
  return true;
}

}  // namespace

void check_outputs(const JobDraft& draft, Findings& errors) {
  std::vector<const LayerDraft*> fit;
  for (const LayerDraft& layer : draft.layers)
    if (layer.kind_known && check_pattern(draft.job, layer, errors)) fit.push_back(&layer);
  if (!check_size(draft, errors)) return;
  std::deque<std::string> names;  // stays in place: the outputs look into it
  std::vector<NamedOutput> outputs;
  for (const LayerDraft* layer : fit) {
    for (std::uint32_t variant = 0; variant < layer->layer.variant_count(); ++variant) {
      auto name = resolved(draft.job, layer->layer, variant);
      if (!name.ok()) continue;
      names.push_back(std::move(*name));
      outputs.push_back({static_cast<std::uint32_t>(layer - draft.layers.data()), layer->layer.root, names.back(),
                         &layer->layer.frames});
    }
  }
  for (const auto& [a, b] : colliding_outputs(outputs)) {
    const LayerDraft& one = draft.layers[outputs[a].layer];
    const LayerDraft& other = draft.layers[outputs[b].layer];
    other.reader(errors).fail("output", "output_collision",
                              &one == &other
                                  ? fmt::format("two variants could get one name: \"{}\"", outputs[b].resolved)
                                  : fmt::format("layers \"{}\" and \"{}\" could give one name: \"{}\"", one.layer.name,
                                                other.layer.name, outputs[b].resolved),
                              &one == &other ? "a pattern with {variant:02}" : "patterns that differ");
  }
}

}  // namespace framemill::jobs
