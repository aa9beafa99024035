// One frame of a movie as the encoder wants it: the picture enlarged by a whole number, the burn-in strip below it,
// 8-bit RGB rows. The strip's words that do not change from frame to frame are drawn once. paint() may run on several
// threads at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/farm.pb.h"
#include "worker/frames/picture.h"

namespace framemill::media {

struct PageLook {
  int scale = 1;                     // 1..16
  std::vector<std::string> burn_in;  // tokens of the strip; none: there is no strip
};

class MoviePage {
 public:
  // For pictures of this size; `recipe` outlives the page. Errors: media.size.
  static base::Result<MoviePage> plan(int picture_width, int picture_height, const wire::Recipe& recipe, PageLook look);
  MoviePage(MoviePage&&) noexcept;
  ~MoviePage();

  int width() const { return width_; }
  int height() const { return height_; }
  // width() * height() * 3 bytes. Errors: media.size (a picture of another size), media.font.
  base::Result<std::string> paint(const frames::Picture& picture, const wire::InputFile& input) const;

 private:
  struct Head;   // the strip with its unchanging first words
  struct Heads;  // of the shots and versions seen lately
  MoviePage(int picture_width, int picture_height, const wire::Recipe& recipe, PageLook look);
  void enlarge(const frames::Picture& picture, std::string& page) const;
  base::Result<std::string> strip(const wire::InputFile& input) const;
  base::Result<std::shared_ptr<const Head>> head(const std::vector<std::string>& words) const;

  const wire::Recipe* recipe_;
  PageLook look_;
  int picture_width_, picture_height_, scale_;
  int strip_height_ = 0;  // 0: no burn-in
  int width_, height_;
  std::unique_ptr<Heads> heads_;
};

}  // namespace framemill::media
