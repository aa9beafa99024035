#include "worker/frames/picture.h"

namespace framemill::frames {

Picture in_space(Picture picture, ColourSpace space) {
  if (picture.space == space) return picture;
  const auto convert = space == ColourSpace::Srgb ? srgb_from_linear : linear_from_srgb;
  for (float& sample : picture.rgb) sample = convert(sample);
  picture.space = space;
  return picture;
}

}  // namespace framemill::frames
