#include "training/catalogue/scene.h"

#include <cmath>

#include "training/catalogue/draw.h"

namespace framemill::train {
namespace {

constexpr std::size_t kSceneSlots = 4;
constexpr std::size_t kObjectSlots = 4;
constexpr float kFrame = 64.0f;

bool moves_freely(Kind kind) {
  return kind == Kind::Ball || kind == Kind::Bird || kind == Kind::Balloon;
}

Motion draw_motion(Kind kind, Draw& draw) {
  if (kind == Kind::House) return Motion::Still;
  if (draw.chance(0.2f)) return Motion::Still;
  if (!moves_freely(kind)) return draw.chance(0.5f) ? Motion::Left : Motion::Right;
  return static_cast<Motion>(1 + draw.below(4));
}

// A value wanted by the condition, or nothing for "unspecified".
int wanted(const models::Condition* condition, std::size_t slot) {
  return condition ? condition->indices[slot] - 1 : -1;
}

template <class Enum>
void set(Enum& target, int want, Enum otherwise) {
  target = want >= 0 ? static_cast<Enum>(want) : otherwise;
}

// Where the thing is and how fast it goes: inside the frame half way through the film's first window of 16 frames. Who
// asks for a boat wants to see it; later frames of the film are where things leave and come back.
void place(Thing& thing, const Scene& scene, Draw& draw) {
  const bool airborne = thing.kind == Kind::Bird || thing.kind == Kind::Balloon;
  const float speed = draw.between(1.0f, 1.8f);
  thing.phase = draw.between(0.0f, 6.28f);
  thing.vx = thing.motion == Motion::Left ? -speed : thing.motion == Motion::Right ? speed : 0.0f;
  thing.vy = thing.motion == Motion::Up ? -speed : thing.motion == Motion::Down ? speed : 0.0f;
  if (thing.motion == Motion::Still) thing.vx = -scene.pan * (airborne ? 0.0f : 1.0f);
  const float x = draw.between(14.0f, kFrame - 14.0f);
  float y = airborne ? draw.between(13.0f, 28.0f) : draw.between(45.0f, 55.0f);
  if (thing.kind == Kind::House) y = draw.between(41.0f, 46.0f);
  if (thing.vy != 0.0f) y = draw.between(20.0f, 44.0f);
  thing.x = x - 8.0f * thing.vx;
  thing.y = y - 8.0f * thing.vy;
}

Scene make_scene(const models::Condition* condition, Draw draw) {
  Scene scene;
  set(scene.ground, wanted(condition, 0), static_cast<Ground>(draw.below(5)));
  set(scene.time, wanted(condition, 1), static_cast<DayTime>(draw.below(4)));
  set(scene.weather, wanted(condition, 2),
      draw.chance(0.4f) ? Weather::Clear : static_cast<Weather>(1 + draw.below(3)));
  set(scene.camera, wanted(condition, 3), draw.chance(0.6f) ? Camera::Still : static_cast<Camera>(1 + draw.below(2)));
  scene.terrain = static_cast<std::uint32_t>(draw.bits());
  scene.horizon = scene.ground == Ground::Sea ? draw.between(31.0f, 36.0f) : draw.between(33.0f, 38.0f);
  const float pan = draw.between(0.8f, 1.3f);
  scene.pan = scene.camera == Camera::Right ? pan : scene.camera == Camera::Left ? -pan : 0.0f;
  scene.sun_x = draw.between(8.0f, 56.0f);
  scene.hue = draw.between(-1.0f, 1.0f);
  const bool empty = draw.chance(0.06f), second = draw.chance(0.45f);
  for (std::size_t i = 0; i < scene.things.size(); ++i) {
    Thing& thing = scene.things[i];
    const std::size_t slot = kSceneSlots + i * kObjectSlots;
    const bool there = i == 0 ? !empty : !empty && second;
    set(thing.kind, wanted(condition, slot), there ? static_cast<Kind>(1 + draw.below(6)) : Kind::None);
    if (thing.kind == Kind::None) {
      thing = Thing{};
      continue;
    }
    set(thing.colour, wanted(condition, slot + 1), static_cast<Colour>(draw.below(6)));
    set(thing.motion, wanted(condition, slot + 2), draw_motion(thing.kind, draw));
    set(thing.size, wanted(condition, slot + 3),
        draw.chance(0.5f)   ? Size::Medium
        : draw.chance(0.5f) ? Size::Small
                            : Size::Large);
    place(thing, scene, draw);
  }
  return scene;
}

std::uint64_t clip_key(std::uint64_t seed, std::uint64_t index) {
  return Draw(seed ^ (index * 0xA24BAED4963EE407u)).bits();
}

}  // namespace

Scene draw_scene(std::uint64_t seed, std::uint64_t index) {
  return make_scene(nullptr, Draw(clip_key(seed, index)));
}

Scene draw_scene_like(const models::Condition& condition, std::uint64_t seed, std::uint64_t index) {
  return make_scene(&condition, Draw(clip_key(seed, index)));
}

models::Condition condition_of(const Scene& scene) {
  const auto index = [](auto value) { return 1 + static_cast<int>(value); };
  models::Condition condition;
  condition.indices = {index(scene.ground), index(scene.time), index(scene.weather), index(scene.camera)};
  for (const Thing& thing : scene.things) {
    const bool there = thing.kind != Kind::None;
    condition.indices.push_back(index(thing.kind));
    condition.indices.push_back(there ? index(thing.colour) : 0);
    condition.indices.push_back(there ? index(thing.motion) : 0);
    condition.indices.push_back(there ? index(thing.size) : 0);
  }
  return condition;
}

std::string describe(const Scene& scene, const models::Vocabulary& vocabulary) {
  return models::prompt_from(vocabulary, condition_of(scene));
}

base::Status check_vocabulary(const models::Vocabulary& vocabulary) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> expected = {
      {"ground", {"hills", "sea", "desert", "city", "forest"}},
      {"time", {"day", "dusk", "night", "dawn"}},
      {"weather", {"clear", "snow", "rain", "fog"}},
      {"camera", {"still", "left", "right"}},
      {"kind", {"none", "ball", "boat", "car", "bird", "balloon", "house"}},
      {"colour", {"red", "yellow", "green", "blue", "purple", "white"}},
      {"motion", {"still", "left", "right", "up", "down"}},
      {"size", {"small", "medium", "large"}},
  };
  const auto differs = [](const std::string& what) {
    return base::Error{"model.vocabulary", "the catalogue and the vocabulary differ: " + what, "", ""};
  };
  if (vocabulary.slots.size() != expected.size() || vocabulary.objects_max != 2 ||
      vocabulary.scene_slots() != kSceneSlots)
    return differs("number of slots or objects");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [name, values] = expected[i];
    if (vocabulary.slots[i].name != name || vocabulary.slots[i].values.size() != values.size())
      return differs("slot " + name);
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (vocabulary.slots[i].values[k].name != values[k]) return differs("value " + values[k] + " of " + name);
    }
  }
  return {};
}

}  // namespace framemill::train
