#include "training/catalogue/render.h"

#include <cmath>

#include "training/catalogue/draw.h"

namespace framemill::train {
namespace {

constexpr float kSkyFlakesSpan = kFrameSize + 8.0f;

float wrapped_flake(float at) {
  return at - kSkyFlakesSpan * std::floor(at / kSkyFlakesSpan) - 4.0f;
}

void paint_snowfall(const Scene& scene, int frame, Picture& picture) {
  const float t = static_cast<float>(frame);
  const Rgb white = mix(light_of(scene), {1, 1, 1}, 0.55f);
  for (int i = 0; i < 26; ++i) {
    const float speed = 0.9f + 0.5f * hashed_unit(scene.terrain, i, 61);
    const float phase = 6.2832f * hashed_unit(scene.terrain, i, 62);
    const float x = wrapped_flake(hashed_unit(scene.terrain, i, 63) * kSkyFlakesSpan - scene.pan * t * 0.6f +
                                  1.5f * std::sin(0.18f * t + phase));
    const float y = wrapped_flake(hashed_unit(scene.terrain, i, 64) * kSkyFlakesSpan + speed * t);
    const float radius = 0.75f + 0.45f * (speed - 0.9f) * 2.0f;
    for (int py = std::max(0, static_cast<int>(y) - 2); py < std::min(kFrameSize, static_cast<int>(y) + 3); ++py) {
      for (int px = std::max(0, static_cast<int>(x) - 2); px < std::min(kFrameSize, static_cast<int>(x) + 3); ++px) {
        const float d = std::hypot(static_cast<float>(px) + 0.5f - x, static_cast<float>(py) + 0.5f - y);
        picture.blend(px, py, white, 0.85f * coverage(d - radius));
      }
    }
  }
}

void paint_rainfall(const Scene& scene, int frame, Picture& picture) {
  const float t = static_cast<float>(frame);
  const Rgb drop = mix(light_of(scene), {0.85f, 0.9f, 1.0f}, 0.6f);
  for (int i = 0; i < 30; ++i) {
    const float speed = 3.4f + 0.8f * hashed_unit(scene.terrain, i, 71);
    const float x =
        wrapped_flake(hashed_unit(scene.terrain, i, 72) * kSkyFlakesSpan - (0.25f * speed + 0.6f * scene.pan) * t);
    const float y = wrapped_flake(hashed_unit(scene.terrain, i, 73) * kSkyFlakesSpan + speed * t);
    for (int k = 0; k < 6; ++k) {
      const float row = std::floor(y) + static_cast<float>(k);
      const float column = x - 0.25f * static_cast<float>(k);
      const int px = static_cast<int>(std::floor(column)), py = static_cast<int>(row);
      if (py < 0 || py >= kFrameSize) continue;
      const float share = column - std::floor(column);
      if (px >= 0 && px < kFrameSize) picture.blend(px, py, drop, 0.42f * (1.0f - share));
      if (px + 1 >= 0 && px + 1 < kFrameSize) picture.blend(px + 1, py, drop, 0.42f * share);
    }
  }
}

void paint_fog(const Scene& scene, int frame, Picture& picture) {
  const float t = static_cast<float>(frame);
  const Rgb white = mix(sky_colour(scene, 1.0f), light_of(scene) * 0.85f, 0.55f);
  const float phase = 6.2832f * hashed_unit(scene.terrain, 0, 81);
  for (int y = 0; y < kFrameSize; ++y) {
    const float level = static_cast<float>(y) / kFrameSize;
    const float thick = 0.28f + 0.34f * std::exp(-std::pow((level - 0.58f) / 0.22f, 2.0f));
    for (int x = 0; x < kFrameSize; ++x) {
      const float u = static_cast<float>(x) + (0.35f + 0.5f * scene.pan) * t;
      const float swirl = std::sin(0.11f * u + phase + 3.0f * level) + std::sin(0.05f * u + 9.0f * level);
      picture.blend(x, y, white, clamp01(thick * (1.0f + 0.16f * swirl)));
    }
  }
}

void mark_changes(const Picture& before, const Picture& after, std::vector<float>& things) {
  for (std::size_t i = 0; i < after.pixels.size(); ++i) {
    const Rgb a = before.pixels[i], b = after.pixels[i];
    const float change = std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b);
    things.push_back(change > 0.06f ? 1.0f : 0.0f);
  }
}

}  // namespace

void paint_weather(const Scene& scene, int frame, Picture& picture) {
  switch (scene.weather) {
    case Weather::Clear:
      return;
    case Weather::Snow:
      return paint_snowfall(scene, frame, picture);
    case Weather::Rain:
      return paint_rainfall(scene, frame, picture);
    case Weather::Fog:
      return paint_fog(scene, frame, picture);
  }
}

Picture render_frame(const Scene& scene, int frame, std::vector<float>* things) {
  Picture picture;
  paint_sky(scene, frame, picture);
  paint_ground(scene, frame, picture);
  // Fog lies between the land and what stands in front of it, so that colours can still be told.
  if (scene.weather == Weather::Fog) paint_weather(scene, frame, picture);
  const Picture before = things ? picture : Picture{};
  paint_things(scene, frame, picture);
  if (things) mark_changes(before, picture, *things);
  if (scene.weather != Weather::Fog) paint_weather(scene, frame, picture);
  return picture;
}

void render_clip(const Scene& scene, int first, int count, std::vector<float>& out, std::vector<float>* things) {
  for (int frame = first; frame < first + count; ++frame) {
    const Picture picture = render_frame(scene, frame, things);
    for (const Rgb& pixel : picture.pixels) {
      out.push_back(clamp01(pixel.r));
      out.push_back(clamp01(pixel.g));
      out.push_back(clamp01(pixel.b));
    }
  }
}

}  // namespace framemill::train
