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

// The samples, and OpenImageIO's view of them for what it draws: text, lines, resampled pictures.
struct Canvas::Image {
  explicit Image(frames::Picture drawn)
      : picture(std::move(drawn)),
        buffer(OIIO::ImageSpec(picture.width, picture.height, 3, OIIO::TypeDesc::FLOAT), picture.rgb.data()) {}
  // First sample of the pixel.
  float* at(int x, int y) {
    return &picture.rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                         static_cast<std::size_t>(x)) *
                        3];
  }
  frames::Picture picture;
  ImageBuf buffer;
};

Canvas::Canvas(int width, int height, Colour background) {
  OIIO::attribute("threads", 1);
  frames::Picture picture{width, height, frames::ColourSpace::Srgb, {}};
  picture.rgb.resize(picture.sample_count());
  image_ = std::make_unique<Image>(std::move(picture));
  fill(0, 0, width, height, background);
}
Canvas::Canvas(const Canvas& other) : image_(std::make_unique<Image>(other.image_->picture)) {}
Canvas::~Canvas() = default;
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas& Canvas::operator=(Canvas&&) noexcept = default;

int Canvas::width() const {
  return image_->picture.width;
}
int Canvas::height() const {
  return image_->picture.height;
}

void Canvas::fill(int x, int y, int width, int height, Colour colour) {
  const int left = std::max(x, 0), right = std::min(x + width, this->width());
  const auto value = floats(colour);
  for (int row = std::max(y, 0); row < std::min(y + height, this->height()); ++row)
    for (int column = left; column < right; ++column) std::copy(value.begin(), value.end(), image_->at(column, row));
}

void Canvas::line(int x1, int y1, int x2, int y2, Colour colour) {
  const auto value = floats(colour);
  const std::array<float, 4> opaque{value[0], value[1], value[2], 1.0f};
  algo::render_line(image_->buffer, x1, y1, x2, y2, opaque, true);
}

void Canvas::place(const frames::Picture& picture, int x, int y, int width, int height) {
  frames::Picture shown = frames::in_space(picture, frames::ColourSpace::Srgb);
  const bool whole =
      width % shown.width == 0 && height % shown.height == 0 && width / shown.width == height / shown.height;
  const bool inside = x >= 0 && y >= 0 && x + width <= this->width() && y + height <= this->height();
  if (whole && inside) {
    const int scale = width / shown.width;
    for (int row = 0; row < height; ++row) {
      float* out = image_->at(x, y + row);
      const float* in = &shown.rgb[static_cast<std::size_t>(row / scale) * static_cast<std::size_t>(shown.width) * 3];
      for (int column = 0; column < width; ++column) out = std::copy_n(in + (column / scale) * 3, 3, out);
    }
    return;
  }
  const ImageBuf source(OIIO::ImageSpec(shown.width, shown.height, 3, OIIO::TypeDesc::FLOAT), shown.rgb.data());
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
  return image_->picture;
}

std::string Canvas::rgb_bytes() const {
  const std::vector<float>& samples = image_->picture.rgb;
  std::string bytes(samples.size(), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(std::lround(std::clamp(samples[i], 0.0f, 1.0f) * 255.0f));
  return bytes;
}

}  // namespace framemill::media
