// First frame, both ends and a mask, over the shipped weights: what is made goes on from what is given. Distances are
// between decoded pictures, and each is held against a window that was given nothing.
#include <algorithm>
#include <cmath>

#include "gpu/torch/load/load_generator.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

constexpr const char* kPrompt = "hills at day, red car moving left";
constexpr int kFrames = 16;

struct Films {
  std::unique_ptr<Generator> generator;

  Films() {
    DeviceSpec device;
    device.threads = 1;
    auto loaded = load_torch_generator(FRAMEMILL_SOURCE_DIR "/models/demo-clips@1", device);
    REQUIRE(loaded.ok());
    generator = std::move(*loaded);
  }

  static WindowRequest request(std::uint64_t seed, const char* prompt = kPrompt) {
    WindowRequest out;
    out.prompt = prompt;
    out.seed = seed;
    out.steps = 8;
    return out;
  }

  LatentBlock make(const WindowRequest& request) const {
    auto window = generator->begin(request);
    REQUIRE(window.ok());
    Window* one[] = {window->get()};
    while (!(*window)->done()) REQUIRE(generator->step(one).ok());
    auto block = generator->finish(**window);
    REQUIRE(block.ok());
    return std::move(*block);
  }

  ImageBlock pictures(const LatentBlock& block) const {
    const LatentBlock* one[] = {&block};
    auto images = generator->decode(one);
    REQUIRE(images.ok());
    return std::move(images->front());
  }
};

// Mean absolute difference of frame `i` of `a` and frame `k` of `b`.
double distance(const ImageBlock& a, int i, const ImageBlock& b, int k) {
  double sum = 0;
  for (std::size_t at = 0; at < a.frame_size(); ++at)
    sum += std::abs(static_cast<double>(a.values[i * a.frame_size() + at]) - b.values[k * b.frame_size() + at]);
  return sum / static_cast<double>(a.frame_size());
}

double mean_distance(const ImageBlock& a, const ImageBlock& b, int first, int last) {
  double sum = 0;
  for (int frame = first; frame <= last; ++frame) sum += distance(a, frame, b, frame);
  return sum / (last - first + 1);
}

// Mean difference over the middle of the picture, from the left half of `a` to the right half of `b`.
double step_across(const ImageBlock& a, const ImageBlock& b) {
  double sum = 0;
  for (int row = 0; row < a.frames * a.height; ++row)
    for (int channel = 0; channel < 3; ++channel) {
      const auto at = (static_cast<std::size_t>(row) * a.width + a.width / 2) * 3 + channel;
      sum += std::abs(static_cast<double>(a.values[at - 3]) - b.values[at]);
    }
  return sum / (a.frames * a.height * 3);
}

// The clean frames of `request` become those of `film` at the same places.
void give(WindowRequest& request, const LatentBlock& film, std::vector<int> frames) {
  request.clean_latents = slice_frames(film, 0, static_cast<int>(frames.size()));
  const auto size = static_cast<std::ptrdiff_t>(film.frame_size());
  for (std::size_t i = 0; i < frames.size(); ++i)
    std::copy_n(film.values.begin() + frames[i] * size, size,
                request.clean_latents.values.begin() + static_cast<std::ptrdiff_t>(i) * size);
  request.clean_frames = std::move(frames);
}

}  // namespace

TEST_CASE("what is given leads what is made") {
  const Films films;
  const LatentBlock film = films.make(Films::request(31));
  const ImageBlock shown = films.pictures(film);
  WindowRequest request = Films::request(77);
  const ImageBlock free = films.pictures(films.make(request));

  SECTION("both ends: the middle is the film's") {
    give(request, film, {0, 1, 2, 3, 12, 13, 14, 15});
    const ImageBlock made = films.pictures(films.make(request));
    CHECK(mean_distance(made, shown, 4, 11) < 0.5 * mean_distance(free, shown, 4, 11));
  }
  SECTION("a picture that was encoded: the film begins in its land") {
    const ImageBlock night = films.pictures(films.make(Films::request(5, "forest at night")));
    const auto latents = films.generator->encode(slice_frames(night, 0, 1));
    REQUIRE(latents.ok());
    WindowRequest any_land = Films::request(77, "red car moving left");
    const ImageBlock elsewhere = films.pictures(films.make(any_land));
    any_land.clean_frames = {0};
    any_land.clean_latents = *latents;
    const ImageBlock made = films.pictures(films.make(any_land));
    CHECK(distance(made, 0, night, 0) < 0.03);
    for (const int frame : {1, 4, 15})
      CHECK(distance(made, frame, night, 0) < 0.5 * distance(elsewhere, frame, night, 0));
  }
  SECTION("a mask: the right half is made to fit the left one") {
    request.mask = RegionMask{film, std::vector<std::uint8_t>(kFrames * 8 * 8, 0)};
    for (std::size_t i = 0; i < request.mask->known.size(); ++i) request.mask->known[i] = (i % 8) < 4;
    const ImageBlock made = films.pictures(films.make(request));
    CHECK(step_across(made, made) < 0.5 * step_across(shown, free));
  }
}

TEST_CASE("a negative prompt leads away from what it names") {
  // Night is dark: led away from it, a window whose prompt says no time of day is lighter than led towards it.
  const Films films;
  const auto light = [&](const char* prompt, const char* negative) {
    double sum = 0;
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      WindowRequest request = Films::request(seed, prompt);
      request.negative_prompt = negative;
      const ImageBlock made = films.pictures(films.make(request));
      for (const float value : made.values) sum += value / static_cast<double>(made.values.size());
    }
    return sum / 4;
  };
  const double away = light("hills", "night"), plain = light("hills", ""), night = light("hills at night", "");
  CAPTURE(away, plain, night);
  CHECK(away > night + 0.1);
  CHECK(away >= plain - 0.02);
}

}  // namespace framemill::gpu
