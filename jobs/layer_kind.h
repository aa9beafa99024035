// The kinds of layers and what is true of each: one row per kind (jobs/kinds/table.cpp). What a kind reads from a spec,
// checks and plans is in its own file of jobs/kinds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "jobs/phase_kind.h"

namespace framemill::jobs {

enum class LayerKind : std::uint8_t { Generate, Command, Encode, Sheet };
inline constexpr int kLayerKindCount = 4;

struct LayerTraits {
  LayerKind kind;
  std::string_view name;    // "generate": the spec's word, in the store and for people
  PhaseKind first_phase;    // reads the layer's inputs
  PhaseKind output_phase;   // writes the layer's files; of one phase the same
  bool takes_frames;        // the spec says which: frames, shot_range, handles and chunk
  bool uses_model;          // a model package makes its pictures, each variant from its own seed
  bool reads_pictures;      // the farm's own code reads its inputs: frames of layers, in EXR or PNG
  bool reads_all_variants;  // an input that names no variant means all of them; else the first
};
const LayerTraits& traits(LayerKind kind);
std::string_view name(LayerKind kind);
std::optional<LayerKind> layer_kind_from_name(std::string_view name);

}  // namespace framemill::jobs
