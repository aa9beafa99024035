// The loss curve of a training run as a picture, from the CSV that framemill-train keeps.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::score {

struct CurvePoint {
  double step = 0, loss = 0;
};

// Rows begin with the step; the head says which column is the loss (the third without one). What cannot be read is left
// out. A run that was killed and went on from a checkpoint repeats steps: the later row counts.
std::vector<CurvePoint> curve_points(std::string_view csv);

// Step to the right, loss upwards on a logarithmic scale, grid lines at every doubling. Errors: score.curve,
// score.sheet.
base::Status draw_curve(const std::filesystem::path& csv, const std::filesystem::path& png);

}  // namespace framemill::score
