// What a catalogue clip shows, as plain values: the attributes a prompt can name, and the nuisances it cannot (where
// the hills lie, how fast the boat goes). A scene is drawn from (seed, index), so clip 17 of seed 4 is the same clip on
// every machine and needs no file. render.h turns a scene into pictures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/prompt.h"

namespace framemill::train {

// The order of enumerators is the order of values in the package's vocabulary.toml (check_vocabulary holds them
// together).
enum class Ground { Hills, Sea, Desert, City, Forest };
enum class DayTime { Day, Dusk, Night, Dawn };
enum class Weather { Clear, Snow, Rain, Fog };
enum class Camera { Still, Left, Right };
enum class Kind { None, Ball, Boat, Car, Bird, Balloon, House };
enum class Colour { Red, Yellow, Green, Blue, Purple, White };
enum class Motion { Still, Left, Right, Up, Down };
enum class Size { Small, Medium, Large };

struct Thing {
  Kind kind = Kind::None;
  Colour colour = Colour::Red;
  Motion motion = Motion::Still;
  Size size = Size::Medium;
  // Nuisances. Pixels of a 64-pixel frame, pixels per frame, radians.
  float x = 32, y = 32;  // at frame 0, before wrapping round the frame's edges
  float vx = 0, vy = 0;
  float phase = 0;  // of flapping, bobbing
};

struct Scene {
  Ground ground = Ground::Hills;
  DayTime time = DayTime::Day;
  Weather weather = Weather::Clear;
  Camera camera = Camera::Still;
  std::array<Thing, 2> things;  // things[1] is None in about half of the scenes
  // Nuisances.
  std::uint32_t terrain = 0;  // seed of curves, skyline, clouds, flakes
  float horizon = 36;         // pixels from the top
  float pan = 0;              // pixels per frame of the nearest ground; positive moves the ground left
  float sun_x = 32;
  float hue = 0;  // -1..1: a small shift of the palette
};

// Clip `index` of the endless catalogue `seed`.
Scene draw_scene(std::uint64_t seed, std::uint64_t index);

// A scene with these attributes and nuisances drawn from (seed, index): for matching renders to prompts. Indices of
// `condition` that are 0 (unspecified) are drawn too.
Scene draw_scene_like(const models::Condition& condition, std::uint64_t seed, std::uint64_t index);

// The attributes as a model sees them.
models::Condition condition_of(const Scene& scene);

// Plain words that models::parse_prompt reads back as the same attributes.
std::string describe(const Scene& scene, const models::Vocabulary& vocabulary);

// Fails when the vocabulary's slots and values are not those of the enums above.
base::Status check_vocabulary(const models::Vocabulary& vocabulary);

}  // namespace framemill::train
