#include "training/score/drawing.h"

#include <OpenImageIO/imagebuf.h>
#include <OpenImageIO/imagebufalgo.h>

#include <algorithm>

namespace framemill::score {
namespace {

namespace algo = OIIO::ImageBufAlgo;
constexpr const char* kFont = "DejaVuSans";
constexpr int kSmallest = 9;

}  // namespace

struct Drawing::Image {
  OIIO::ImageBuf buffer;
};

Drawing::Drawing(int width, int height, Ink background)
    : image_(std::make_unique<Image>(Image{OIIO::ImageBuf(OIIO::ImageSpec(width, height, 3, OIIO::TypeDesc::FLOAT))})) {
  OIIO::attribute("threads", 1);
  algo::fill(image_->buffer, background);
}
Drawing::~Drawing() = default;

void Drawing::paste(const gpu::ImageBlock& clip, int frame, int left, int top, int enlarge) {
  const float* source = clip.values.data() + static_cast<std::size_t>(frame) * clip.frame_size();
  const int width = std::min(clip.width * enlarge, image_->buffer.spec().width - left),
            height = std::min(clip.height * enlarge, image_->buffer.spec().height - top);
  for (int y = 0; y < height; ++y) {
    auto* row = static_cast<float*>(image_->buffer.pixeladdr(left, top + y));
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c)
        row[x * 3 + c] = std::clamp(source[((y / enlarge) * clip.width + x / enlarge) * 3 + c], 0.0f, 1.0f);
    }
  }
}

void Drawing::line(int x0, int y0, int x1, int y1, Ink ink) {
  const std::array<float, 4> opaque{ink[0], ink[1], ink[2], 1.0f};
  algo::render_line(image_->buffer, x0, y0, x1, y1, opaque);
}

base::Status Drawing::text(int x, int baseline, int size, Ink ink, const std::string& words, int width_max) {
  if (words.empty()) return {};
  while (size > kSmallest && algo::text_size(words, size, kFont).width() > width_max) --size;
  if (!algo::render_text(image_->buffer, x, baseline, words, size, kFont, ink))
    return base::Error{"score.font", image_->buffer.geterror(), "", "install the package fonts-dejavu-core"};
  return {};
}

base::Status Drawing::write_png(const std::filesystem::path& path) const {
  if (!image_->buffer.write(path.string(), OIIO::TypeDesc::UINT8, "png"))
    return base::Error{"score.sheet", "write " + path.string() + ": " + image_->buffer.geterror(), "", ""};
  return {};
}

}  // namespace framemill::score
