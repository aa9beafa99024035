// A drawing surface for sheets and movie frames: sRGB, float, with rectangles, pictures and text. OpenImageIO does the
// resampling and the type (DejaVu Sans). One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "worker/frames/picture.h"

namespace framemill::media {

struct Colour {
  std::uint8_t r = 0, g = 0, b = 0;
};

enum class Face { Regular, Bold, Mono };

class Canvas {
 public:
  Canvas(int width, int height, Colour background);
  ~Canvas();
  Canvas(const Canvas& other);
  Canvas(Canvas&&) noexcept;
  Canvas& operator=(Canvas&&) noexcept;

  int width() const;
  int height() const;

  void fill(int x, int y, int width, int height, Colour colour);
  void line(int x1, int y1, int x2, int y2, Colour colour);
  // The picture in a rectangle: enlarged by a whole number pixel by pixel where that fits exactly, resampled otherwise.
  void place(const frames::Picture& picture, int x, int y, int width, int height);
  // Errors: media.font (the fonts are not installed).
  base::Status text(int x, int baseline, int size, Face face, Colour colour, const std::string& words);
  static int text_width(int size, Face face, const std::string& words);

  frames::Picture picture() const;
  // 8-bit RGB rows of the rectangle, for an encoder.
  std::string rgb_bytes() const;

 private:
  struct Image;
  std::unique_ptr<Image> image_;
};

}  // namespace framemill::media
