#include <catch2/catch.hpp>
#include <cmath>

#include "training/catalogue/render.h"

namespace framemill::train {
namespace {

std::vector<float> clip_of(const Scene& scene, int first, int count) {
  std::vector<float> pixels;
  render_clip(scene, first, count, pixels);
  return pixels;
}

// The middle of what a thing covers in a frame, or nothing where it covers too little to tell.
struct Centre {
  double x = 0, y = 0, pixels = 0;
};

Centre centre_of(const Scene& scene, int frame) {
  std::vector<float> things;
  render_frame(scene, frame, &things);
  Centre centre;
  for (int y = 0; y < kFrameSize; ++y) {
    for (int x = 0; x < kFrameSize; ++x) {
      if (things[static_cast<std::size_t>(y * kFrameSize + x)] == 0.0f) continue;
      centre.x += x;
      centre.y += y;
      centre.pixels += 1;
    }
  }
  centre.x /= std::max(1.0, centre.pixels);
  centre.y /= std::max(1.0, centre.pixels);
  return centre;
}

TEST_CASE("a clip is a function of seed and index, and windows of one film agree where they overlap") {
  const Scene scene = draw_scene(5, 17);
  CHECK(clip_of(scene, 0, 4) == clip_of(draw_scene(5, 17), 0, 4));
  CHECK(clip_of(scene, 0, 4) != clip_of(draw_scene(5, 18), 0, 4));
  CHECK(clip_of(scene, 0, 4) != clip_of(draw_scene(6, 17), 0, 4));
  const std::vector<float> long_clip = clip_of(scene, 0, 12), later = clip_of(scene, 8, 4);
  CHECK(std::equal(later.begin(), later.end(), long_clip.begin() + static_cast<std::ptrdiff_t>(8 * later.size() / 4)));
}

TEST_CASE("pixels stay within 0 and 1 and every scene has a picture") {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::vector<float> pixels = clip_of(draw_scene(9, i), static_cast<int>(i) * 3, 1);
    float low = 1, high = 0;
    for (float value : pixels) {
      REQUIRE(std::isfinite(value));
      low = std::min(low, value);
      high = std::max(high, value);
    }
    REQUIRE(low >= 0.0f);
    REQUIRE(high <= 1.0f);
    REQUIRE(high - low > 0.05f);
  }
}

TEST_CASE("things move the way their attributes say") {
  int told = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Scene scene = draw_scene(11, i);
    scene.things[1] = Thing{};
    const Thing& thing = scene.things[0];
    if (thing.kind == Kind::None || thing.motion == Motion::Still) continue;
    // Well inside the frame between the two: what is outside shows its shadow alone, or comes back on the other side.
    const float x = thing.x + 8.0f * thing.vx, y = thing.y + 8.0f * thing.vy;
    if (x < 14 || x > 50 || y < 14 || y > 58) continue;
    const Centre before = centre_of(scene, 6), after = centre_of(scene, 10);
    const double dx = after.x - before.x, dy = after.y - before.y;
    ++told;
    CAPTURE(i, static_cast<int>(thing.kind), static_cast<int>(thing.motion), dx, dy);
    switch (thing.motion) {
      case Motion::Left:
        CHECK(dx < -1.0);
        break;
      case Motion::Right:
        CHECK(dx > 1.0);
        break;
      case Motion::Up:
        CHECK(dy < -0.5);
        break;
      case Motion::Down:
        CHECK(dy > 0.5);
        break;
      case Motion::Still:
        break;
    }
  }
  CHECK(told > 150);
}

TEST_CASE("a scene drawn like a condition has its attributes and other nuisances") {
  const Scene scene = draw_scene(3, 4);
  const models::Condition condition = condition_of(scene);
  for (std::uint64_t i = 0; i < 20; ++i) CHECK(condition_of(draw_scene_like(condition, 77, i)) == condition);
  CHECK(draw_scene_like(condition, 77, 0).terrain != draw_scene_like(condition, 77, 1).terrain);
}

TEST_CASE("what left the frame is out of sight and comes back") {
  Scene scene = draw_scene(5, 17);
  scene.camera = Camera::Still;
  scene.pan = 0;
  Thing& ball = scene.things[0];
  ball = Thing{};
  ball.kind = Kind::Ball;
  ball.vx = -2.0f;
  ball.y = 50.0f;
  ball.x = 5.0f;
  scene.things[1] = Thing{};
  CHECK(in_sight(ball, scene, 0));
  CHECK_FALSE(in_sight(ball, scene, 4));
  int back = 5;
  while (back < 40 && !in_sight(ball, scene, back)) ++back;
  REQUIRE(back < 20);
  CHECK(centre_of(scene, back + 3).x > 48.0);
}

}  // namespace
}  // namespace framemill::train
