// A picture in memory: RGB, float, one colour space. What the executor decodes, what frame files are written from and
// read into. A plain value.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/frames/colour.h"

namespace framemill::frames {

struct Picture {
  int width = 0;
  int height = 0;
  ColourSpace space = ColourSpace::Srgb;
  std::vector<float> rgb;  // row-major [height][width][3], nominally 0..1

  std::size_t sample_count() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3; }
  bool consistent() const { return width > 0 && height > 0 && rgb.size() == sample_count(); }
};

// The same picture in another space; samples are not clamped.
Picture in_space(Picture picture, ColourSpace space);

}  // namespace framemill::frames
