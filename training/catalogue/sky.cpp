#include <cmath>

#include "training/catalogue/draw.h"
#include "training/catalogue/render.h"

namespace framemill::train {
namespace {

struct SkyPalette {
  Rgb top, middle, horizon, light;
};

SkyPalette palette_of(DayTime time) {
  switch (time) {
    case DayTime::Day:
      return {{0.22f, 0.48f, 0.86f}, {0.45f, 0.68f, 0.93f}, {0.78f, 0.89f, 0.97f}, {1.0f, 1.0f, 0.97f}};
    case DayTime::Dusk:
      return {{0.25f, 0.16f, 0.42f}, {0.72f, 0.30f, 0.40f}, {0.99f, 0.62f, 0.28f}, {0.86f, 0.64f, 0.58f}};
    case DayTime::Night:
      return {{0.02f, 0.03f, 0.11f}, {0.05f, 0.08f, 0.21f}, {0.11f, 0.16f, 0.31f}, {0.32f, 0.37f, 0.52f}};
    case DayTime::Dawn:
      return {{0.48f, 0.60f, 0.85f}, {0.86f, 0.74f, 0.84f}, {1.0f, 0.87f, 0.72f}, {0.98f, 0.87f, 0.84f}};
  }
  return {};
}

Rgb overcast(Rgb colour, Weather weather, DayTime time) {
  if (weather == Weather::Clear) return colour;
  const float grey = 0.3f * colour.r + 0.59f * colour.g + 0.11f * colour.b;
  const float dark = time == DayTime::Night ? 1.15f : 1.0f;
  switch (weather) {
    case Weather::Rain:
      return mix(colour, Rgb{grey * 0.78f, grey * 0.82f, grey * 0.88f}, 0.62f) * (0.86f * dark);
    case Weather::Snow:
      return mix(colour, Rgb{grey * 1.05f, grey * 1.07f, grey * 1.12f}, 0.5f) * dark;
    default:
      return mix(colour, Rgb{grey * 1.02f, grey * 1.02f, grey * 1.02f}, 0.4f) * dark;
  }
}

void paint_disc(Picture& picture, float cx, float cy, float radius, Rgb colour, float glow) {
  for (int y = 0; y < kFrameSize; ++y) {
    for (int x = 0; x < kFrameSize; ++x) {
      const float d = std::hypot(static_cast<float>(x) + 0.5f - cx, static_cast<float>(y) + 0.5f - cy);
      if (d > radius * 4.0f) continue;
      const float halo = glow * (1.0f - smooth(radius * 0.8f, radius * 4.0f, d));
      picture.blend(x, y, colour, std::max(halo, coverage(d - radius)));
    }
  }
}

void paint_clouds(const Scene& scene, int frame, Picture& picture) {
  const float drift = static_cast<float>(frame) * (0.12f + 0.2f * scene.pan);
  const Rgb white = mix(light_of(scene), sky_colour(scene, 1.0f), 0.35f);
  constexpr float kSpan = 96.0f;
  for (int i = 0; i < 3; ++i) {
    const float home = hashed_unit(scene.terrain, i, 11) * kSpan;
    const float cx = home - drift - kSpan * std::floor((home - drift) / kSpan) - 16.0f;
    const float cy = 5.0f + 14.0f * hashed_unit(scene.terrain, i, 12),
                half = 7.0f + 5.0f * hashed_unit(scene.terrain, i, 13);
    for (int y = std::max(0, static_cast<int>(cy) - 6); y < std::min(kFrameSize, static_cast<int>(cy) + 5); ++y) {
      for (int x = std::max(0, static_cast<int>(cx - half) - 2);
           x < std::min(kFrameSize, static_cast<int>(cx + half) + 3); ++x) {
        const float u = (static_cast<float>(x) + 0.5f - cx) / half, v = (static_cast<float>(y) + 0.5f - cy) / 3.6f;
        const float bump = v > 0.0f ? v * 1.8f : v + 0.35f * std::cos(u * 5.0f + home);
        picture.blend(x, y, white, 0.75f * (1.0f - smooth(0.55f, 1.05f, std::hypot(u, bump))));
      }
    }
  }
}

void paint_stars(const Scene& scene, Picture& picture) {
  for (int i = 0; i < 22; ++i) {
    const int x = static_cast<int>(hashed_unit(scene.terrain, i, 21) * kFrameSize);
    const int y = static_cast<int>(hashed_unit(scene.terrain, i, 22) * scene.horizon * 0.8f);
    picture.blend(x, y, {0.9f, 0.92f, 1.0f}, 0.35f + 0.5f * hashed_unit(scene.terrain, i, 23));
  }
}

}  // namespace

Rgb light_of(const Scene& scene) {
  const Rgb light = palette_of(scene.time).light;
  switch (scene.weather) {
    case Weather::Rain:
      return light * Rgb{0.78f, 0.82f, 0.86f};
    case Weather::Snow:
      return light * Rgb{0.96f, 0.97f, 1.0f};
    case Weather::Fog:
      return light * Rgb{0.95f, 0.95f, 0.95f};
    case Weather::Clear:
      break;
  }
  return light;
}

Rgb sky_colour(const Scene& scene, float v) {
  const SkyPalette palette = palette_of(scene.time);
  const Rgb colour = v < 0.55f ? mix(palette.top, palette.middle, v / 0.55f)
                               : mix(palette.middle, palette.horizon, (std::min(v, 1.0f) - 0.55f) / 0.45f);
  return overcast(colour, scene.weather, scene.time);
}

void paint_sky(const Scene& scene, int frame, Picture& picture) {
  for (int y = 0; y < kFrameSize; ++y) {
    const Rgb colour = sky_colour(scene, (static_cast<float>(y) + 0.5f) / scene.horizon);
    for (int x = 0; x < kFrameSize; ++x) picture.at(x, y) = colour;
  }
  if (scene.weather != Weather::Clear) return;
  switch (scene.time) {
    case DayTime::Day:
      paint_disc(picture, scene.sun_x, 8.0f, 4.2f, {1.0f, 0.95f, 0.62f}, 0.35f);
      break;
    case DayTime::Dusk:
      paint_disc(picture, scene.sun_x, scene.horizon - 5.0f, 5.0f, {1.0f, 0.80f, 0.42f}, 0.5f);
      break;
    case DayTime::Dawn:
      paint_disc(picture, scene.sun_x, scene.horizon - 8.0f, 4.2f, {1.0f, 0.97f, 0.85f}, 0.5f);
      break;
    case DayTime::Night:
      paint_stars(scene, picture);
      paint_disc(picture, scene.sun_x, 9.0f, 3.8f, {0.93f, 0.94f, 0.88f}, 0.15f);
      return;
  }
  paint_clouds(scene, frame, picture);
}

}  // namespace framemill::train
