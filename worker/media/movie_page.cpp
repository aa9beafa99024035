#include "worker/media/movie_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "worker/media/canvas.h"

namespace framemill::media {
namespace {

constexpr Colour kStrip{18, 18, 20}, kStripText{225, 225, 228}, kStripDim{150, 150, 156};
constexpr char kGround[3] = {static_cast<char>(kStrip.r), static_cast<char>(kStrip.g), static_cast<char>(kStrip.b)};
constexpr int kMovieExtentMax = 8192;
constexpr std::size_t kHeadsMax = 64;

int even(int extent) {
  return extent + extent % 2;
}

// One field of the strip.
std::string field(const std::string& token, const wire::Recipe& recipe, const wire::InputFile& input) {
  if (token == "show") return recipe.show();
  if (token == "sequence") return recipe.sequence();
  if (token == "shot") return input.shot().empty() ? recipe.shot() : input.shot();
  if (token == "layer") return input.layer();
  if (token == "version") return fmt::format("v{:03}", input.version() != 0 ? input.version() : recipe.version());
  if (token == "frame") return fmt::format("{:04}", input.frame());
  return {};
}

// Draws fields first..end of the strip, from `x` on: from the left, and the last one (the frame, as people write the
// list) at the right edge. `x` moves to where the next would begin.
base::Status draw_fields(Canvas& strip, const std::vector<std::string>& tokens, const std::vector<std::string>& words,
                         int first, int end, int& x) {
  const int count = static_cast<int>(tokens.size());
  const int size = strip.height() * 11 / 20, baseline = strip.height() - strip.height() / 2 + size * 7 / 20;
  const int margin = size;
  if (first == 0) x = margin;
  for (int i = first; i < end; ++i) {
    const std::string& text = words[static_cast<std::size_t>(i)];
    const bool last = i + 1 == count && count > 1;
    const Face face = tokens[static_cast<std::size_t>(i)] == "frame" ? Face::Mono : Face::Regular;
    const int width = Canvas::text_width(size, face, text);
    FM_TRY(strip.text(last ? std::max(x, strip.width() - margin - width) : x, baseline, size, face,
                      i == 0 || last ? kStripText : kStripDim, text));
    x += width + margin;
  }
  return {};
}

}  // namespace

struct MoviePage::Head {
  Canvas strip;
  int fields = 0;  // drawn already
  int x = 0;       // where the next field begins
};
struct MoviePage::Heads {
  std::mutex mutex;
  std::map<std::vector<std::string>, std::shared_ptr<const Head>> by_words;
};

MoviePage::MoviePage(int picture_width, int picture_height, const wire::Recipe& recipe, PageLook look)
    : recipe_(&recipe), look_(std::move(look)), picture_width_(picture_width), picture_height_(picture_height),
      scale_(std::clamp(look_.scale, 1, 16)), width_(even(picture_width * scale_)),
      height_(even(picture_height * scale_)), heads_(std::make_unique<Heads>()) {
  if (!look_.burn_in.empty()) strip_height_ = even(std::clamp(picture_height * scale_ / 14, 20, 64));
  height_ += strip_height_;
}
MoviePage::MoviePage(MoviePage&&) noexcept = default;
MoviePage::~MoviePage() = default;

base::Result<MoviePage> MoviePage::plan(int picture_width, int picture_height, const wire::Recipe& recipe,
                                        PageLook look) {
  MoviePage page(picture_width, picture_height, recipe, std::move(look));
  if (page.width_ > kMovieExtentMax || page.height_ > kMovieExtentMax)
    return base::Error{
        "media.size",
        fmt::format("a movie of {} x {}; the limit is {} each way", page.width_, page.height_, kMovieExtentMax), "",
        "a smaller scale"};
  return page;
}

base::Result<std::string> MoviePage::paint(const frames::Picture& picture, const wire::InputFile& input) const {
  if (picture.width != picture_width_ || picture.height != picture_height_)
    return base::Error{"media.size",
                       fmt::format("frame {} of {} is {} x {}; the first one is {} x {}", input.frame(), input.shot(),
                                   picture.width, picture.height, picture_width_, picture_height_),
                       "", ""};
  std::string page;
  page.reserve(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * 3);
  enlarge(frames::in_space(picture, frames::ColourSpace::Srgb), page);
  // What a picture of odd size leaves free shows the strip's ground.
  const auto picture_rows = static_cast<std::size_t>(height_ - strip_height_);
  while (page.size() < picture_rows * static_cast<std::size_t>(width_) * 3) page.append(kGround, 3);
  if (strip_height_ == 0) return page;
  FM_ASSIGN(const std::string below, strip(input));
  page += below;
  return page;
}

// Pixel by pixel: every sample is rounded once and repeated, rows are made once and copied.
void MoviePage::enlarge(const frames::Picture& picture, std::string& page) const {
  const auto columns = static_cast<std::size_t>(picture.width), scale = static_cast<std::size_t>(scale_);
  std::string row;
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    row.clear();
    for (std::size_t x = 0; x < columns; ++x) {
      char pixel[3];
      for (std::size_t c = 0; c < 3; ++c) {
        const float sample = picture.rgb[(y * columns + x) * 3 + c];
        pixel[c] = static_cast<char>(std::lround(std::clamp(sample, 0.0f, 1.0f) * 255.0f));
      }
      for (std::size_t i = 0; i < scale; ++i) row.append(pixel, 3);
    }
    while (row.size() < static_cast<std::size_t>(width_) * 3) row.append(kGround, 3);
    for (std::size_t i = 0; i < scale; ++i) page += row;
  }
}

base::Result<std::shared_ptr<const MoviePage::Head>> MoviePage::head(const std::vector<std::string>& words) const {
  const std::vector<std::string>& tokens = look_.burn_in;
  const auto changing = std::find(tokens.begin(), tokens.end(), "frame");
  const auto fixed = static_cast<int>(changing - tokens.begin());
  const std::vector<std::string> key(words.begin(), words.begin() + fixed);
  const std::lock_guard lock(heads_->mutex);
  auto& known = heads_->by_words;
  if (const auto found = known.find(key); found != known.end()) return found->second;
  auto made = std::make_shared<Head>(Head{Canvas(width_, strip_height_, kStrip), fixed, 0});
  FM_TRY(draw_fields(made->strip, tokens, words, 0, fixed, made->x));
  if (known.size() >= kHeadsMax) known.clear();
  known.emplace(key, made);
  return std::shared_ptr<const Head>(std::move(made));
}

base::Result<std::string> MoviePage::strip(const wire::InputFile& input) const {
  std::vector<std::string> words;
  for (const std::string& token : look_.burn_in) words.push_back(field(token, *recipe_, input));
  FM_ASSIGN(const std::shared_ptr<const Head> begun, head(words));
  Canvas canvas = begun->strip;
  int x = begun->x;
  FM_TRY(draw_fields(canvas, look_.burn_in, words, begun->fields, static_cast<int>(words.size()), x));
  return canvas.rgb_bytes();
}

}  // namespace framemill::media
