// The two colour spaces that Framemill writes and the curve between them (IEC 61966-2-1). Primaries are Rec.709 on both
// sides, so a conversion is the transfer curve alone, sample by sample. Pure values, any thread.
#pragma once

#include <optional>
#include <string_view>

namespace framemill::frames {

enum class ColourSpace { Srgb, LinearRec709 };

std::string_view colour_space_name(ColourSpace space);  // "srgb", "lin_rec709": as packages and frame files spell it
std::optional<ColourSpace> colour_space_from_name(std::string_view name);

float linear_from_srgb(float encoded);
float srgb_from_linear(float linear);

}  // namespace framemill::frames
