// Contact sheets for the eye: rows of clips, a few frames of each, enlarged, with what was asked for below.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/latent_block.h"

namespace framemill::score {

struct SheetLayout {
  int frames_per_clip = 4;  // evenly spaced
  int clips_per_row = 2;
  int enlarge = 2;
};

// Writes a PNG (sRGB). Captions stand below their clips; none, or one per clip. Errors: score.sheet, score.font.
base::Status write_sheet(const std::filesystem::path& path, const std::vector<gpu::ImageBlock>& clips,
                         const std::vector<std::string>& captions, const SheetLayout& layout);

}  // namespace framemill::score
