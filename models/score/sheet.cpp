#include "models/score/sheet.h"

#include <OpenImageIO/imageio.h>

#include <algorithm>
#include <cmath>

namespace framemill::score {
namespace {

constexpr int kGap = 2;

struct Canvas {
  int width, height;
  std::vector<std::uint8_t> pixels;
};

void paste(Canvas& canvas, const gpu::ImageBlock& clip, int frame, int left, int top, int enlarge) {
  const float* source = clip.values.data() + static_cast<std::size_t>(frame) * clip.frame_size();
  for (int y = 0; y < clip.height * enlarge; ++y) {
    for (int x = 0; x < clip.width * enlarge; ++x) {
      for (int c = 0; c < 3; ++c) {
        const float value = source[((y / enlarge) * clip.width + x / enlarge) * 3 + c];
        canvas.pixels[static_cast<std::size_t>(((top + y) * canvas.width + left + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0f, 1.0f) * 255.0f));
      }
    }
  }
}

}  // namespace

base::Status write_sheet(const std::filesystem::path& path, const std::vector<gpu::ImageBlock>& clips,
                         const SheetLayout& layout) {
  FM_CHECK(!clips.empty() && clips.front().consistent(), "a sheet of no clips");
  const int cell_width = clips.front().width * layout.enlarge + kGap,
            cell_height = clips.front().height * layout.enlarge + kGap;
  const int rows = (static_cast<int>(clips.size()) + layout.clips_per_row - 1) / layout.clips_per_row;
  const int clip_width = layout.frames_per_clip * cell_width + 2 * kGap;
  Canvas canvas{layout.clips_per_row * clip_width, rows * (cell_height + kGap), {}};
  canvas.pixels.assign(static_cast<std::size_t>(canvas.width) * static_cast<std::size_t>(canvas.height) * 3, 24);
  for (int i = 0; i < static_cast<int>(clips.size()); ++i) {
    const gpu::ImageBlock& clip = clips[static_cast<std::size_t>(i)];
    for (int k = 0; k < layout.frames_per_clip; ++k) {
      const int frame = layout.frames_per_clip == 1 ? 0 : k * (clip.frames - 1) / (layout.frames_per_clip - 1);
      paste(canvas, clip, frame, (i % layout.clips_per_row) * clip_width + k * cell_width,
            (i / layout.clips_per_row) * (cell_height + kGap), layout.enlarge);
    }
  }
  const auto output = OIIO::ImageOutput::create(path.string());
  const OIIO::ImageSpec spec(canvas.width, canvas.height, 3, OIIO::TypeDesc::UINT8);
  if (!output || !output->open(path.string(), spec) ||
      !output->write_image(OIIO::TypeDesc::UINT8, canvas.pixels.data()) || !output->close())
    return base::Error{"score.sheet",
                       "write " + path.string() + ": " + (output ? output->geterror() : OIIO::geterror()), "", ""};
  return {};
}

}  // namespace framemill::score
