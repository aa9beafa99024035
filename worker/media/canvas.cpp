#include "worker/media/canvas.h"

#include <OpenImageIO/imagebuf.h>
#include <OpenImageIO/imagebufalgo.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace framemill::media {
namespace {

using OIIO::ImageBuf;
using OIIO::ROI;
namespace algo = OIIO::ImageBufAlgo;

std::array<float, 3> floats(Colour c) {
  return {static_cast<float>(c.r) / 255, static_cast<float>(c.g) / 255, static_cast<float>(c.b) / 255};
}

const char* font(Face face) {
  switch (face) {
    case Face::Regular:
      return "DejaVuSans";
    case Face::Bold:
      return "DejaVuSans-Bold";
    case Face::Mono:
      return "DejaVuSansMono";
  }
  return "DejaVuSans";
}

}  // namespace

struct Canvas::Image {
  ImageBuf buffer;
};

Canvas::Canvas(int width, int height, Colour background) : image_(std::make_unique<Image>()) {
  OIIO::attribute("threads", 1);
  image_->buffer.reset(OIIO::ImageSpec(width, height, 3, OIIO::TypeDesc::FLOAT));
  fill(0, 0, width, height, background);
}
Canvas::~Canvas() = default;
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas& Canvas::operator=(Canvas&&) noexcept = default;

int Canvas::width() const {
  return image_->buffer.spec().width;
}
int Canvas::height() const {
  return image_->buffer.spec().height;
}

void Canvas::fill(int x, int y, int width, int height, Colour colour) {
  if (width <= 0 || height <= 0) return;
  const auto value = floats(colour);
  algo::fill(image_->buffer, value, ROI(x, x + width, y, y + height, 0, 1, 0, 3));
}

void Canvas::line(int x1, int y1, int x2, int y2, Colour colour) {
  const auto value = floats(colour);
  const std::array<float, 4> opaque{value[0], value[1], value[2], 1.0f};
  algo::render_line(image_->buffer, x1, y1, x2, y2, opaque, true);
}

void Canvas::place(const frames::Picture& picture, int x, int y, int width, int height) {
  const frames::Picture shown = frames::in_space(picture, frames::ColourSpace::Srgb);
  ImageBuf source(OIIO::ImageSpec(shown.width, shown.height, 3, OIIO::TypeDesc::FLOAT));
  source.set_pixels(ROI(0, shown.width, 0, shown.height, 0, 1, 0, 3), OIIO::TypeDesc::FLOAT, shown.rgb.data());
  if (width % shown.width == 0 && height % shown.height == 0 && width / shown.width == height / shown.height) {
    const int scale = width / shown.width;
    for (int row = 0; row < height; ++row) {
      for (int column = 0; column < width; ++column) {
        const std::size_t at = (static_cast<std::size_t>(row / scale) * shown.width + column / scale) * 3;
        image_->buffer.setpixel(x + column, y + row, &shown.rgb[at], 3);
      }
    }
    return;
  }
  const ImageBuf sized = algo::resize(source, "", 0.0f, ROI(0, width, 0, height, 0, 1, 0, 3));
  algo::paste(image_->buffer, x, y, 0, 0, sized);
}

base::Status Canvas::text(int x, int baseline, int size, Face face, Colour colour, const std::string& words) {
  if (words.empty()) return {};
  const auto value = floats(colour);
  if (!algo::render_text(image_->buffer, x, baseline, words, size, font(face), value))
    return base::Error{"media.font", image_->buffer.geterror(), "", "install the package fonts-dejavu-core"};
  return {};
}

int Canvas::text_width(int size, Face face, const std::string& words) {
  const ROI roi = algo::text_size(words, size, font(face));
  return roi.defined() ? roi.width() : 0;
}

frames::Picture Canvas::picture() const {
  frames::Picture picture{width(), height(), frames::ColourSpace::Srgb, {}};
  picture.rgb.resize(picture.sample_count());
  image_->buffer.get_pixels(ROI(0, width(), 0, height(), 0, 1, 0, 3), OIIO::TypeDesc::FLOAT, picture.rgb.data());
  return picture;
}

std::string Canvas::rgb_bytes() const {
  const frames::Picture all = picture();
  std::string bytes(all.rgb.size(), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(std::lround(std::clamp(all.rgb[i], 0.0f, 1.0f) * 255.0f));
  return bytes;
}

}  // namespace framemill::media
