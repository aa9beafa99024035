#include <cmath>

#include "training/catalogue/draw.h"
#include "training/catalogue/render.h"

namespace framemill::train {
namespace {

// The place in the world that column x shows in a layer; nearer layers pass faster (parallax 1 is the foreground).
float world_x(const Scene& scene, int frame, int x, float parallax) {
  return static_cast<float>(x) + 0.5f + scene.pan * parallax * static_cast<float>(frame);
}

// A rolling line, -1..1.
float rolling(const Scene& scene, float u, float wavelength, int layer) {
  const float a = 6.2832f * hashed_unit(scene.terrain, layer, 31), b = 6.2832f * hashed_unit(scene.terrain, layer, 32);
  const float k = 6.2832f / wavelength;
  return 0.65f * std::sin(k * u + a) + 0.35f * std::sin(2.3f * k * u + b);
}

// Fills below `top` in column x, fading from `crest` to `foot` over `depth` pixels.
void fill_column(Picture& picture, int x, float top, Rgb crest, Rgb foot, float depth) {
  for (int y = std::max(0, static_cast<int>(top) - 1); y < kFrameSize; ++y) {
    const float middle = static_cast<float>(y) + 0.5f;
    const float alpha = coverage(top - middle);
    if (alpha <= 0.0f) continue;
    picture.blend(x, y, mix(crest, foot, clamp01((middle - top) / depth)), alpha);
  }
}

struct Earth {
  Rgb far, near, front;  // hues under white light, from the back to the front
};

Earth earth_of(const Scene& scene) {
  const float h = scene.hue;
  Earth earth;
  switch (scene.ground) {
    case Ground::Hills:
      earth = {{0.42f, 0.58f, 0.52f}, {0.34f + 0.05f * h, 0.58f, 0.28f}, {0.42f + 0.06f * h, 0.68f, 0.27f}};
      break;
    case Ground::Sea:
      earth = {{0.25f, 0.50f, 0.68f}, {0.14f, 0.40f + 0.04f * h, 0.60f}, {0.07f, 0.27f + 0.03f * h, 0.46f}};
      break;
    case Ground::Desert:
      earth = {{0.86f, 0.66f, 0.46f}, {0.90f, 0.71f + 0.03f * h, 0.42f}, {0.95f, 0.79f + 0.03f * h, 0.51f}};
      break;
    case Ground::City:
      earth = {{0.48f, 0.52f, 0.60f}, {0.36f, 0.38f + 0.02f * h, 0.46f}, {0.40f, 0.40f, 0.42f}};
      break;
    case Ground::Forest:
      earth = {{0.27f, 0.42f, 0.38f}, {0.11f, 0.32f + 0.03f * h, 0.19f}, {0.30f + 0.04f * h, 0.45f, 0.20f}};
      break;
  }
  if (scene.weather == Weather::Snow && scene.ground != Ground::Sea) {
    const Rgb white{0.93f, 0.95f, 0.99f};
    const float cover = scene.ground == Ground::City ? 0.55f : 0.8f;
    earth = {mix(earth.far, white, cover * 0.7f), mix(earth.near, white, cover * 0.75f),
             mix(earth.front, white, cover)};
  }
  return earth;
}

void paint_range(const Scene& scene, int frame, Picture& picture, float base, float height, float wavelength,
                 float parallax, int layer, Rgb crest, Rgb foot) {
  for (int x = 0; x < kFrameSize; ++x) {
    const float u = world_x(scene, frame, x, parallax);
    fill_column(picture, x, base - height * (0.5f + 0.5f * rolling(scene, u, wavelength, layer)), crest, foot, 14.0f);
  }
}

void paint_water(const Scene& scene, int frame, Picture& picture, float top) {
  const Rgb light = light_of(scene);
  const Rgb mirror = sky_colour(scene, 0.75f);
  const Rgb far = mix(Rgb{0.30f, 0.54f, 0.70f} * light, mirror, 0.55f),
            near = mix(Rgb{0.06f, 0.26f, 0.45f} * light, mirror, 0.18f);
  const float t = static_cast<float>(frame);
  for (int x = 0; x < kFrameSize; ++x) {
    fill_column(picture, x, top, far, near, kFrameSize - top);
    for (int y = static_cast<int>(top) + 2; y < kFrameSize; ++y) {
      const float depth = (static_cast<float>(y) - top) / (kFrameSize - top);
      const float u = world_x(scene, frame, x, 0.3f + 0.7f * depth);
      const float row = 0.9f * std::floor(static_cast<float>(y) / 3.0f);
      const float wave =
          std::sin(u * (0.55f - 0.25f * depth) + row * 2.4f + t * 0.22f) * std::cos(static_cast<float>(y) * 2.0944f);
      picture.blend(x, y, mix(mirror, light, 0.5f), 0.26f * smooth(0.35f, 1.0f, wave) * (0.5f + depth));
    }
  }
}

void paint_skyline(const Scene& scene, int frame, Picture& picture, Rgb wall, float base, float parallax, int layer) {
  const bool lamps = scene.time == DayTime::Night || scene.time == DayTime::Dusk;
  const float cell_width = layer == 0 ? 7.0f : 10.0f;
  for (int x = 0; x < kFrameSize; ++x) {
    const float u = world_x(scene, frame, x, parallax);
    const auto cell = static_cast<std::int32_t>(std::floor(u / cell_width));
    const float inside = u - static_cast<float>(cell) * cell_width;
    const float tall = hashed_unit(scene.terrain, cell, 41 + static_cast<std::uint32_t>(layer));
    const float top = base - (layer == 0 ? 10.0f : 3.0f) - tall * (layer == 0 ? 13.0f : 11.0f);
    const Rgb tone = wall * (0.85f + 0.3f * hashed_unit(scene.terrain, cell, 43 + static_cast<std::uint32_t>(layer)));
    fill_column(picture, x, top, tone, tone * 0.85f, 24.0f);
    if (layer == 0 || inside < 1.5f || inside > cell_width - 1.5f) continue;
    for (int y = static_cast<int>(top) + 2; y < static_cast<int>(base) - 1; ++y) {
      const int column = static_cast<int>(inside / 2.6f), row = (y - static_cast<int>(top)) / 4;
      if ((y - static_cast<int>(top)) % 4 < 2 || std::fmod(inside, 2.6f) < 0.9f) continue;
      const bool lit = lamps && hashed_unit(scene.terrain, cell * 64 + column * 16 + row, 45) < 0.5f;
      picture.blend(x, y, lit ? Rgb{1.0f, 0.84f, 0.45f} : tone * 0.6f, lit ? 0.9f : 0.5f);
    }
  }
}

void paint_trees(const Scene& scene, int frame, Picture& picture, Rgb leaf, float base, float parallax, int layer) {
  const float spacing = layer == 0 ? 5.0f : 8.0f;
  for (int x = 0; x < kFrameSize; ++x) {
    const float u = world_x(scene, frame, x, parallax);
    const auto middle_cell = static_cast<std::int32_t>(std::floor(u / spacing));
    float top = base;
    for (std::int32_t cell = middle_cell - 1; cell <= middle_cell + 1; ++cell) {
      const float centre = (static_cast<float>(cell) + 0.3f + 0.4f * hashed_unit(scene.terrain, cell, 51)) * spacing;
      const float tall =
          (layer == 0 ? 7.0f : 12.0f) + (layer == 0 ? 5.0f : 8.0f) * hashed_unit(scene.terrain, cell, 52);
      top = std::min(top, base - tall + std::abs(u - centre) * (layer == 0 ? 3.2f : 3.0f));
    }
    fill_column(picture, x, top, leaf, leaf * 0.7f, 16.0f);
  }
}

void paint_front(const Scene& scene, int frame, Picture& picture, const Earth& earth) {
  const Rgb light = light_of(scene);
  const float top = foreground_top(scene);
  if (water_in_front(scene)) {
    paint_water(scene, frame, picture, top);
    return;
  }
  if (scene.ground == Ground::City) {
    for (int x = 0; x < kFrameSize; ++x) {
      fill_column(picture, x, top, earth.front * light, earth.front * light * 0.75f, 22.0f);
      const float u = world_x(scene, frame, x, 1.0f);
      if (u - 10.0f * std::floor(u / 10.0f) < 5.0f) picture.blend(x, 59, Rgb{0.9f, 0.88f, 0.75f} * light, 0.7f);
    }
    return;
  }
  for (int x = 0; x < kFrameSize; ++x) {
    const float u = world_x(scene, frame, x, 1.0f);
    const float edge = top + 0.8f * rolling(scene, u, 50.0f, 5);
    fill_column(picture, x, edge, earth.front * light, earth.front * light * 0.72f, kFrameSize - top);
    for (int y = static_cast<int>(edge) + 3; y < kFrameSize; ++y) {
      const float furrow = std::sin(u * 0.35f + 5.0f * rolling(scene, u, 90.0f, 6) + static_cast<float>(y) * 1.1f);
      picture.blend(x, y, earth.front * light * 0.8f, 0.22f * smooth(0.3f, 1.0f, furrow));
    }
  }
}

}  // namespace

bool water_in_front(const Scene& scene) {
  if (scene.ground == Ground::Sea) return true;
  for (const Thing& thing : scene.things) {
    if (thing.kind == Kind::Boat) return true;
  }
  return false;
}

float foreground_top(const Scene& scene) {
  return scene.ground == Ground::Sea ? scene.horizon : scene.horizon + 5.0f;
}

void paint_ground(const Scene& scene, int frame, Picture& picture) {
  const Rgb light = light_of(scene);
  const Earth earth = earth_of(scene);
  const Rgb air = sky_colour(scene, 1.0f);
  const float h = scene.horizon;
  const Rgb far = mix(earth.far * light, air, 0.35f), near = earth.near * light;
  switch (scene.ground) {
    case Ground::Hills:
      paint_range(scene, frame, picture, h + 2.0f, 13.0f, 62.0f, 0.25f, 0, far, mix(far, air, 0.35f));
      paint_range(scene, frame, picture, h + 7.0f, 11.0f, 48.0f, 0.55f, 1, near * 1.08f, near * 0.8f);
      break;
    case Ground::Desert:
      paint_range(scene, frame, picture, h + 1.0f, 8.0f, 80.0f, 0.25f, 0, far, mix(far, air, 0.3f));
      paint_range(scene, frame, picture, h + 6.0f, 7.0f, 66.0f, 0.55f, 1, near * 1.04f, near * 0.84f);
      break;
    case Ground::City:
      paint_skyline(scene, frame, picture, mix(earth.far * light, air, 0.3f), h + 5.0f, 0.3f, 0);
      paint_skyline(scene, frame, picture, near, h + 5.0f, 0.6f, 1);
      break;
    case Ground::Forest:
      paint_trees(scene, frame, picture, mix(far, air, 0.1f), h + 4.0f, 0.3f, 0);
      paint_trees(scene, frame, picture, near, h + 6.0f, 0.6f, 1);
      break;
    case Ground::Sea:
      break;
  }
  paint_front(scene, frame, picture, earth);
}

}  // namespace framemill::train
