// The pages of a movie, pixel by pixel: drawing parts once must not change what is seen.
#include "worker/media/movie_page.h"

#include <catch2/catch.hpp>
#include <thread>

#include "worker/media/canvas.h"

using namespace framemill;
using media::MoviePage;

namespace {

wire::Recipe recipe(int scale, const std::vector<std::string>& burn_in) {
  wire::Recipe recipe;
  recipe.set_show("harbor");
  recipe.mutable_encode()->set_scale(scale);
  for (const std::string& token : burn_in) recipe.mutable_encode()->add_burn_in(token);
  return recipe;
}

wire::InputFile frame(const std::string& shot, int number) {
  wire::InputFile input;
  input.set_shot(shot);
  input.set_frame(number);
  input.set_version(2);
  return input;
}

frames::Picture ramp(int width, int height) {
  frames::Picture picture{width, height, frames::ColourSpace::Srgb, {}};
  for (std::size_t i = 0; i < picture.sample_count(); ++i)
    picture.rgb.push_back(static_cast<float>(i % 263) / 255.0f - 0.01f);  // also a little beyond 0 and 1
  return picture;
}

// The whole page drawn at once on one surface.
std::string drawn_at_once(const frames::Picture& picture, int scale, const std::string& shot,
                          const std::string& number) {
  using media::Face;
  const int width = picture.width * scale, strip = 36, height = picture.height * scale + strip;
  media::Canvas canvas(width, height, {18, 18, 20});
  canvas.place(picture, 0, 0, width, picture.height * scale);
  const int size = strip * 11 / 20, baseline = height - strip / 2 + size * 7 / 20;
  int x = size;
  REQUIRE(canvas.text(x, baseline, size, Face::Regular, {225, 225, 228}, shot).ok());
  x += media::Canvas::text_width(size, Face::Regular, shot) + size;
  REQUIRE(canvas.text(x, baseline, size, Face::Regular, {150, 150, 156}, "v002").ok());
  const int right = width - size - media::Canvas::text_width(size, Face::Mono, number);
  REQUIRE(canvas.text(right, baseline, size, Face::Mono, {225, 225, 228}, number).ok());
  return canvas.rgb_bytes();
}

media::PageLook look_of(const wire::Recipe& recipe) {
  return {recipe.encode().scale(), {recipe.encode().burn_in().begin(), recipe.encode().burn_in().end()}};
}

}  // namespace

TEST_CASE("a page has the pixels that drawing all of it at once gives") {
  const auto encode = recipe(8, {"shot", "version", "frame"});
  const auto picture = ramp(64, 64);
  const auto page = MoviePage::plan(64, 64, encode, look_of(encode));
  REQUIRE(page.ok());
  CHECK(page->width() == 512);
  CHECK(page->height() == 548);
  for (const auto& [shot, number] :
       {std::pair("hb_0010", 1001), {"hb_0010", 1002}, {"hb_0020", 1002}, {"hb_0010", 7}}) {
    const auto painted = page->paint(picture, frame(shot, number));
    REQUIRE(painted.ok());
    const std::string text = number == 7 ? "0007" : std::to_string(number);
    CHECK((*painted == drawn_at_once(picture, 8, shot, text)));
  }
}

TEST_CASE("a field after the frame moves with the frame's width") {
  const auto encode = recipe(8, {"frame", "shot"});
  const auto page = MoviePage::plan(64, 64, encode, look_of(encode));
  REQUIRE(page.ok());
  const auto short_one = page->paint(ramp(64, 64), frame("hb_0010", 1));
  const auto long_one = page->paint(ramp(64, 64), frame("hb_0010", 1234567));
  REQUIRE((short_one.ok() && long_one.ok()));
  CHECK((*short_one != *long_one));
}

TEST_CASE("pages painted on many threads are those painted on one") {
  const auto encode = recipe(4, {"shot", "frame"});
  const auto page = MoviePage::plan(48, 32, encode, look_of(encode));
  REQUIRE(page.ok());
  const auto picture = ramp(48, 32);
  std::vector<std::string> alone(12), together(12);
  const auto paint = [&](std::size_t i) {
    return page->paint(picture, frame(i % 2 == 0 ? "a" : "b", static_cast<int>(i))).value();
  };
  for (std::size_t i = 0; i < alone.size(); ++i) alone[i] = paint(i);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < together.size(); ++i) threads.emplace_back([&, i] { together[i] = paint(i); });
  for (std::thread& thread : threads) thread.join();
  CHECK((alone == together));
}

TEST_CASE("a page of odd size is made even with the strip's ground") {
  const auto encode = recipe(1, {});
  const auto page = MoviePage::plan(3, 3, encode, look_of(encode));
  REQUIRE(page.ok());
  const auto painted = page->paint(ramp(3, 3), frame("a", 1));
  REQUIRE(painted.ok());
  REQUIRE(painted->size() == 4 * 4 * 3);
  CHECK(painted->substr(9, 3) == std::string("\x12\x12\x14"));
  CHECK(painted->substr(36, 3) == std::string("\x12\x12\x14"));
  CHECK(page->paint(ramp(4, 3), frame("a", 1)).error().code == "media.size");
}
