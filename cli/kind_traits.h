// What the words for kinds in an answer of the scheduler say. A word that this program does not know has no trait.
#pragma once

#include <string_view>

#include "jobs/layer_kind.h"

namespace framemill::cli {

// phase_is("denoise", &jobs::PhaseTraits::windowed)
inline bool phase_is(std::string_view kind, bool jobs::PhaseTraits::* trait) {
  const auto known = jobs::phase_kind_from_name(kind);
  return known && jobs::traits(*known).*trait;
}
inline bool layer_is(std::string_view kind, bool jobs::LayerTraits::* trait) {
  const auto known = jobs::layer_kind_from_name(kind);
  return known && jobs::traits(*known).*trait;
}

}  // namespace framemill::cli
