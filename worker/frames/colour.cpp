#include "worker/frames/colour.h"

#include <cmath>

namespace framemill::frames {

std::string_view colour_space_name(ColourSpace space) {
  return space == ColourSpace::Srgb ? "srgb" : "lin_rec709";
}

std::optional<ColourSpace> colour_space_from_name(std::string_view name) {
  if (name == "srgb") return ColourSpace::Srgb;
  if (name == "lin_rec709") return ColourSpace::LinearRec709;
  return std::nullopt;
}

// Computed in double and rounded once: the rare last-bit difference between two mathematics libraries then vanishes in
// the half or 8-bit sample that is written.
float linear_from_srgb(float encoded) {
  const double v = encoded;
  return static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
}

float srgb_from_linear(float linear) {
  const double v = linear;
  return static_cast<float>(v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1.0 / 2.4) - 0.055);
}

}  // namespace framemill::frames
