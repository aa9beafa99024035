// Paints a scene. A clip is a window of an endless film: frame numbers may start anywhere, and the same frame number of
// a scene always gives the same picture, so chains can be compared with renders of any length.
#pragma once

#include <vector>

#include "training/catalogue/colours.h"
#include "training/catalogue/scene.h"

namespace framemill::train {

inline constexpr int kFrameSize = 64;

// 64 x 64 pixels, row-major, sRGB 0..1.
struct Picture {
  std::vector<Rgb> pixels = std::vector<Rgb>(kFrameSize * kFrameSize);
  Rgb& at(int x, int y) { return pixels[static_cast<std::size_t>(y * kFrameSize + x)]; }
  void blend(int x, int y, Rgb colour, float alpha) {
    Rgb& pixel = at(x, y);
    pixel = mix(pixel, colour, alpha);
  }
};

Picture render_frame(const Scene& scene, int frame, std::vector<float>* things = nullptr);

// Frames first..first+count-1, each appended to `out` as interleaved RGB. Where `things` is given, it gets one value
// per pixel: 1 where a thing or its shadow changed the picture, else 0. Things are few pixels and most of what a prompt
// says, so the autoencoder weighs them more.
void render_clip(const Scene& scene, int first, int count, std::vector<float>& out,
                 std::vector<float>* things = nullptr);

// Painters, back to front. Each owns one kind of thing and reads the scene alone.
void paint_sky(const Scene& scene, int frame, Picture& picture);
void paint_ground(const Scene& scene, int frame, Picture& picture);
void paint_things(const Scene& scene, int frame, Picture& picture);
void paint_weather(const Scene& scene, int frame, Picture& picture);

// Whether the thing's centre is inside the frame; else it has left and will come back on the other side.
bool in_sight(const Thing& thing, const Scene& scene, int frame);

// The colour of the light on everything but lamps and the sky.
Rgb light_of(const Scene& scene);
// The sky at height v: 0 at the top, 1 at the horizon.
Rgb sky_colour(const Scene& scene, float v);
// Whether the foreground is water (the sea, or a lake because a boat needs one).
bool water_in_front(const Scene& scene);
// Where the foreground begins, pixels from the top.
float foreground_top(const Scene& scene);

}  // namespace framemill::train
