// A spec while it is being checked: layers as read, with what the later checks still need to know of how they were
// written. Private to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/spec_table.h"

namespace framemill::jobs {

struct LayerDraft {
  LayerSpec layer;
  const Node* node = nullptr;          // its table
  std::string path;                    // "layer[1]"
  std::optional<FrameSpan> own_range;  // shot_range as the layer gives it
  std::optional<std::int32_t> own_handles;
  bool has_frames_key = false;
  bool frames_failed = false;  // frames or shot_range were given and did not parse
  bool output_failed = false;  // output was given and is no string to speak of
  bool kind_known = false;

  SpecTable reader(Findings& errors) const { return SpecTable(*node, path, errors); }
  bool takes_frames() const { return kind_known && traits(layer.kind).takes_frames; }
};

struct JobDraft {
  JobSpec job;
  std::optional<FrameSpan> own_range;
  bool frames_failed = false;
  bool has_shot_key = false;
  bool is_stored = false;  // was accepted before
  std::vector<LayerDraft> layers;
};

// When the job is wanted and when it may begin.
void read_when(SpecTable& table, JobSpec& job, Findings& errors);
std::optional<std::int32_t> read_handles(SpecTable& table);
std::optional<PictureSize> read_picture_size(SpecTable& table);  // size = "1920x1080"
std::optional<FrameRate> read_rate(SpecTable& table, std::string_view key);

// Reads one [[layer]]; faults go to `errors`, and what could be read is in the draft.
LayerDraft read_layer(const Node& node, std::size_t index, const JobSpec& job, Findings& errors);

// The keys that only one kind of layer has: jobs/kind.h.
using Work = decltype(LayerSpec::work);

// Settles shot ranges, frames and handles of all layers.
void settle_ranges(JobDraft& draft, Findings& errors);
// Layers take from others what they leave out: a prompt, from the layer that they start from.
void settle_inherited(JobDraft& draft, Findings& errors);
// Names, references between layers, cycles, inputs.
void check_links(const JobDraft& draft, Findings& errors);
// Output patterns: tokens, paths, endings, two outputs of one name; total sizes.
void check_outputs(const JobDraft& draft, Findings& errors);

}  // namespace framemill::jobs
