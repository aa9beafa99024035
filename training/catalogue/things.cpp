#include <cmath>

#include "training/catalogue/render.h"

namespace framemill::train {
namespace {

constexpr float kReach = 10.0f;  // half the width of the widest thing, medium size

// A thing that left the frame comes back on the other side at once: a window of 16 frames nearly always shows what its
// prompt names.
float wrapped(float at, float scale) {
  const float margin = kReach * scale, span = kFrameSize + 2.0f * margin, shifted = at + margin;
  return shifted - span * std::floor(shifted / span) - margin;
}

Rgb paint_of(Colour colour) {
  switch (colour) {
    case Colour::Red:
      return {0.90f, 0.11f, 0.10f};
    case Colour::Yellow:
      return {0.99f, 0.86f, 0.08f};
    case Colour::Green:
      return {0.10f, 0.74f, 0.18f};
    case Colour::Blue:
      return {0.10f, 0.28f, 0.95f};
    case Colour::Purple:
      return {0.66f, 0.14f, 0.82f};
    case Colour::White:
      return {0.98f, 0.98f, 0.98f};
  }
  return {};
}

float scale_of(Size size) {
  return size == Size::Small ? 0.9f : size == Size::Large ? 1.55f : 1.2f;
}

// What a shape shows at a point of its own coordinates (the thing's centre at 0, medium size in pixels).
struct Shade {
  float distance = 1e9f;  // to the outline, negative inside
  Rgb colour;
};

// Lays `colour` over `shade` where `distance` is inside, and joins the outlines.
void lay(Shade& shade, float distance, Rgb colour) {
  if (distance < 0.25f || distance < shade.distance)
    shade.colour = distance <= 0.25f || shade.distance > 0.25f ? colour : shade.colour;
  shade.distance = std::min(shade.distance, distance);
}

float box(float u, float v, float half_width, float half_height, float round) {
  const float x = std::abs(u) - half_width + round, y = std::abs(v) - half_height + round;
  return std::min(std::max(x, y), 0.0f) + std::hypot(std::max(x, 0.0f), std::max(y, 0.0f)) - round;
}

float ellipse(float u, float v, float a, float b) {
  return (std::hypot(u / a, v / b) - 1.0f) * std::min(a, b);
}

Shade ball(float u, float v, Rgb paint) {
  Shade shade;
  const float lit = clamp01(0.5f - 0.11f * (u + v * 1.3f));
  lay(shade, std::hypot(u, v) - 5.2f, paint * (0.62f + 0.42f * lit));
  const float gleam = 1.0f - smooth(0.4f, 2.0f, std::hypot(u + 1.7f, v + 1.9f));
  shade.colour = mix(shade.colour, {1, 1, 1}, 0.6f * gleam);
  return shade;
}

Shade boat(float u, float v, Rgb paint, float facing) {
  Shade shade;
  const float mast = box(u, v + 4.5f, 0.5f, 7.0f, 0.1f);
  lay(shade, mast, {0.35f, 0.24f, 0.16f});
  const float s = u * facing;
  const float sail = std::max(std::max(-s + 0.8f, v - 0.4f), s * 0.86f - (v + 11.0f) * 0.55f);
  lay(shade, sail, mix(paint, {1, 1, 1}, 0.55f));
  const float hull = std::max(std::max(v - 5.0f, 1.2f - v), std::abs(u) - 9.0f + (v - 1.2f) * 0.8f);
  lay(shade, hull, paint * (v > 3.4f ? 0.75f : 1.0f));
  return shade;
}

Shade car(float u, float v, Rgb paint, float facing) {
  Shade shade;
  const float s = u * facing;
  lay(shade, box(s + 0.8f, v + 2.6f, 5.0f, 2.9f, 1.6f), paint * 0.92f);
  lay(shade, box(s + 0.8f, v + 2.7f, 3.9f, 1.5f, 0.8f), {0.62f, 0.80f, 0.90f});
  lay(shade, box(u, v - 1.2f, 8.6f, 2.5f, 1.3f), paint * (v > 2.0f ? 0.78f : 1.0f));
  for (float wheel : {-5.0f, 5.0f}) lay(shade, std::hypot(u - wheel, v - 3.6f) - 2.1f, {0.10f, 0.10f, 0.12f});
  return shade;
}

Shade bird(float u, float v, Rgb paint, float facing, float flap) {
  Shade shade;
  const float lift = 5.0f * std::sin(flap);
  const float along = std::abs(u) / 9.5f;
  const float wing_v = -lift * along * (1.6f - 0.6f * along);
  lay(shade, std::max(std::abs(v - wing_v) - (2.3f - 1.7f * along), std::abs(u) - 9.5f), paint * 0.88f);
  const float s = u * facing;
  lay(shade, ellipse(s, v - 0.5f, 4.8f, 2.4f), paint);
  lay(shade, std::hypot(s - 4.2f, v + 0.8f) - 1.9f, paint * 1.02f);
  lay(shade, box(s - 6.6f, v + 0.6f, 0.9f, 0.6f, 0.3f), {0.95f, 0.62f, 0.12f});
  return shade;
}

Shade balloon(float u, float v, Rgb paint) {
  Shade shade;
  lay(shade, box(std::abs(u) - 1.7f, v - 5.9f, 0.35f, 2.4f, 0.1f), {0.30f, 0.24f, 0.20f});
  lay(shade, box(u, v - 8.6f, 2.1f, 1.5f, 0.5f), {0.48f, 0.30f, 0.16f});
  const float stripe = std::cos(u * 1.25f / std::max(0.35f, std::sqrt(clamp01(1.0f - v * v * 0.015f))));
  const float narrow = v > 0.0f ? 1.0f - v * 0.035f : 1.0f;
  lay(shade, ellipse(u / narrow, v + 1.2f, 6.6f, 7.0f),
      stripe > 0.45f ? mix(paint, {1, 1, 1}, 0.4f) : paint * (0.95f - 0.03f * u));
  return shade;
}

Shade house(float u, float v, Rgb paint, bool lamp) {
  Shade shade;
  lay(shade, box(u, v - 2.0f, 6.6f, 5.0f, 0.3f), paint);
  lay(shade, box(u + 2.6f, v - 1.6f, 1.5f, 1.6f, 0.1f), lamp ? Rgb{1.0f, 0.86f, 0.45f} : Rgb{0.45f, 0.60f, 0.72f});
  lay(shade, box(u - 2.6f, v - 3.9f, 1.6f, 3.1f, 0.1f), {0.30f, 0.20f, 0.14f});
  lay(shade, std::max(v + 2.4f, std::abs(u) * 0.72f - (v + 8.6f)), paint * 0.55f);
  return shade;
}

Shade shade_of(const Thing& thing, const Scene& scene, int frame, float u, float v) {
  const Rgb paint = paint_of(thing.colour);
  const float facing = thing.motion == Motion::Left ? -1.0f : 1.0f;
  switch (thing.kind) {
    case Kind::Ball:
      return ball(u, v, paint);
    case Kind::Boat:
      return boat(u, v, paint, facing);
    case Kind::Car:
      return car(u, v, paint, facing);
    case Kind::Bird:
      return bird(u, v, paint, facing, 0.65f * static_cast<float>(frame) + thing.phase);
    case Kind::Balloon:
      return balloon(u, v, paint);
    case Kind::House:
      return house(u, v, paint, scene.time == DayTime::Night || scene.time == DayTime::Dusk);
    case Kind::None:
      break;
  }
  return {};
}

// How far below its centre a thing touches the ground, medium size.
float foot_of(Kind kind) {
  switch (kind) {
    case Kind::Ball:
      return 5.2f;
    case Kind::Boat:
      return 4.8f;
    case Kind::Car:
      return 5.6f;
    case Kind::House:
      return 7.0f;
    default:
      return 0.0f;
  }
}

struct Placed {
  float x, y;      // the centre
  float shadow_y;  // where its shadow lies
  float scale;
};

Placed place_of(const Thing& thing, const Scene& scene, int frame) {
  const float t = static_cast<float>(frame);
  Placed at{};
  at.scale = scale_of(thing.size);
  at.x = wrapped(thing.x + thing.vx * t, at.scale);
  at.y = thing.vy == 0.0f ? thing.y : wrapped(thing.y + thing.vy * t, at.scale);
  if (thing.kind == Kind::Boat) at.y += 0.6f * std::sin(0.3f * t + thing.phase);
  if (thing.kind == Kind::Balloon && thing.vy == 0.0f) at.y += 0.8f * std::sin(0.2f * t + thing.phase);
  const float foot = foot_of(thing.kind) * at.scale;
  const bool grounded = foot > 0.0f && thing.vy == 0.0f;
  if (grounded) at.y = std::min(at.y, kFrameSize - 2.0f - foot);
  at.shadow_y = grounded ? at.y + foot : std::max(foreground_top(scene) + 8.0f, 54.0f);
  return at;
}

void paint_shadow(const Thing& thing, const Scene& scene, const Placed& at, Picture& picture) {
  const bool grounded = foot_of(thing.kind) > 0.0f && thing.vy == 0.0f;
  const bool dim = scene.weather != Weather::Clear || scene.time == DayTime::Night;
  const float strength = (grounded ? 0.42f : 0.24f) * (dim ? 0.7f : 1.0f);
  const float a = (thing.kind == Kind::Ball ? 5.0f : 8.0f) * at.scale, b = 1.7f * at.scale;
  for (int y = std::max(0, static_cast<int>(at.shadow_y - b) - 1);
       y < std::min(kFrameSize, static_cast<int>(at.shadow_y + b) + 2); ++y) {
    for (int x = std::max(0, static_cast<int>(at.x - a) - 1); x < std::min(kFrameSize, static_cast<int>(at.x + a) + 2);
         ++x) {
      const float d =
          std::hypot((static_cast<float>(x) + 0.5f - at.x) / a, (static_cast<float>(y) + 0.5f - at.shadow_y) / b);
      picture.blend(x, y, {0.02f, 0.03f, 0.07f}, strength * (1.0f - smooth(0.5f, 1.1f, d)));
    }
  }
}

void paint_thing(const Thing& thing, const Scene& scene, int frame, const Placed& at, Picture& picture) {
  // Things are lit more kindly than the land, so that their colour can be told at night too.
  const Rgb light = mix(light_of(scene), {1, 1, 1}, 0.5f);
  const float reach = 13.0f * at.scale;
  for (int y = std::max(0, static_cast<int>(at.y - reach));
       y < std::min(kFrameSize, static_cast<int>(at.y + reach) + 1); ++y) {
    for (int x = std::max(0, static_cast<int>(at.x - reach));
         x < std::min(kFrameSize, static_cast<int>(at.x + reach) + 1); ++x) {
      const float u = (static_cast<float>(x) + 0.5f - at.x) / at.scale,
                  v = (static_cast<float>(y) + 0.5f - at.y) / at.scale;
      const Shade shade = shade_of(thing, scene, frame, u, v);
      const float alpha = coverage(shade.distance * at.scale);
      if (alpha > 0.0f) picture.blend(x, y, shade.colour * light, alpha);
    }
  }
}

}  // namespace

bool in_sight(const Thing& thing, const Scene& scene, int frame) {
  const Placed at = place_of(thing, scene, frame);
  return at.x >= 0 && at.x < kFrameSize && at.y >= 0 && at.y < kFrameSize;
}

void paint_things(const Scene& scene, int frame, Picture& picture) {
  Placed at[2];
  for (int i = 0; i < 2; ++i) at[i] = place_of(scene.things[static_cast<std::size_t>(i)], scene, frame);
  // Houses stand behind; of two others the lower is nearer, and nearness does not change while they move.
  const auto depth = [&](const Thing& thing) { return thing.kind == Kind::House ? -1e3f : thing.y + 8.0f * thing.vy; };
  const bool swap = depth(scene.things[0]) > depth(scene.things[1]);
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < 2; ++i) {
      const int k = swap ? 1 - i : i;
      const Thing& thing = scene.things[static_cast<std::size_t>(k)];
      if (thing.kind == Kind::None) continue;
      if (pass == 0) {
        paint_shadow(thing, scene, at[k], picture);
      } else {
        paint_thing(thing, scene, frame, at[k], picture);
      }
    }
  }
}

}  // namespace framemill::train
