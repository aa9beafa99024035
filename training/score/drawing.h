// A picture that sheets and curves are drawn on: OpenImageIO behind a few calls.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "gpu/latent_block.h"

namespace framemill::score {

using Ink = std::array<float, 3>;  // sRGB 0..1

class Drawing {
 public:
  Drawing(int width, int height, Ink background);
  ~Drawing();

  // A frame of the clip, every pixel `enlarge` pixels wide and high. What lies outside is cut off.
  void paste(const gpu::ImageBlock& clip, int frame, int left, int top, int enlarge);
  void line(int x0, int y0, int x1, int y1, Ink ink);
  // One line of text, made smaller down to 9 pixels where it would be wider than `width_max`. Errors: score.font.
  base::Status text(int x, int baseline, int size, Ink ink, const std::string& words, int width_max);
  // 8 bits, sRGB. Errors: score.sheet.
  base::Status write_png(const std::filesystem::path& path) const;

 private:
  struct Image;
  std::unique_ptr<Image> image_;
};

}  // namespace framemill::score
