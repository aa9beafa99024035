// Which kind of work a recipe orders. Whoever handles recipes asks here for traits, and for the work of a model; the oneof
// of recipe.proto is opened by kind only here, where a kind's recipe is written, and in what runs it.
#pragma once

#include <optional>

#include "base/check.h"
#include "jobs/phase_kind.h"
#include "jobs/spec.h"
#include "wire/recipe.pb.h"

namespace framemill::wire {

// Nothing: a kind that this version does not know.
inline std::optional<jobs::PhaseKind> phase_kind(const Recipe& recipe) {
  switch (recipe.work_case()) {
    case Recipe::kGenerate:
      return recipe.generate().part() == GenerateRecipe::DENOISE ? jobs::PhaseKind::Denoise : jobs::PhaseKind::Decode;
    case Recipe::kCommand:
      return jobs::PhaseKind::Command;
    case Recipe::kEncode:
      return jobs::PhaseKind::Encode;
    case Recipe::kSheet:
      return jobs::PhaseKind::Sheet;
    case Recipe::WORK_NOT_SET:
      break;
  }
  return std::nullopt;
}

// Of a recipe that was let in: phase_kind knows it.
inline const jobs::PhaseTraits& traits(const Recipe& recipe) {
  const auto kind = phase_kind(recipe);
  FM_CHECK(kind.has_value(), "a recipe of an unknown kind was let in");
  return jobs::traits(*kind);
}

// The work of a model, for an executor; nullptr: no model makes it.
inline const GenerateRecipe* model_work(const Recipe& recipe) {
  return recipe.has_generate() ? &recipe.generate() : nullptr;
}

// The size that the pictures of a program must have; nothing: that of its input, or of the layer's other frames.
inline std::optional<jobs::PictureSize> stated_size(const Recipe& recipe) {
  if (recipe.command().width() <= 0) return std::nullopt;
  return jobs::PictureSize{recipe.command().width(), recipe.command().height()};
}

inline OutputFile::Kind output_kind(jobs::OutputKind kind) {
  static_assert(static_cast<int>(jobs::OutputKind::FrameFile) == OutputFile::FRAME);
  static_assert(static_cast<int>(jobs::OutputKind::Latents) == OutputFile::LATENTS);
  static_assert(static_cast<int>(jobs::OutputKind::Movie) == OutputFile::MOVIE);
  static_assert(static_cast<int>(jobs::OutputKind::Sheet) == OutputFile::SHEET);
  static_assert(static_cast<int>(jobs::OutputKind::Other) == OutputFile::OTHER);
  return static_cast<OutputFile::Kind>(kind);
}

}  // namespace framemill::wire
