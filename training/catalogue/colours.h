// Colours of the catalogue as numbers, and the few operations its painters need.
#pragma once

#include <algorithm>
#include <cmath>

namespace framemill::train {

struct Rgb {
  float r = 0, g = 0, b = 0;
};

inline Rgb operator*(Rgb c, float k) {
  return {c.r * k, c.g * k, c.b * k};
}
inline Rgb operator*(Rgb a, Rgb b) {
  return {a.r * b.r, a.g * b.g, a.b * b.b};
}
inline Rgb operator+(Rgb a, Rgb b) {
  return {a.r + b.r, a.g + b.g, a.b + b.b};
}
inline Rgb mix(Rgb a, Rgb b, float t) {
  return a * (1.0f - t) + b * t;
}

inline float clamp01(float x) {
  return std::clamp(x, 0.0f, 1.0f);
}
inline float smooth(float low, float high, float x) {
  const float t = clamp01((x - low) / (high - low));
  return t * t * (3.0f - 2.0f * t);
}
// How much of a pixel a shape covers whose edge is `distance` pixels away (negative inside).
inline float coverage(float distance) {
  return clamp01(0.5f - distance);
}

}  // namespace framemill::train
