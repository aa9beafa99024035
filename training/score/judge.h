// A small network that reads attributes back from a clip: what land, what light, what weather, which thing, which
// colour, which way. It learns from renders alone, so what it says of generated clips is an opinion nobody tuned to
// them. Clips with one thing are judged: with two, "which colour" has two answers.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/latent_block.h"
#include "gpu/torch/parameters.h"
#include "models/prompt.h"

namespace framemill::score {

struct Attribute {
  const char* name;
  std::size_t slot;  // in a condition
  int values;        // as the judge tells them apart
};

// Ground, time, weather, kind, colour, motion. Kinds without "none".
inline constexpr std::array<Attribute, 6> kAttributes = {{{"ground", 0, 5},
                                                          {"time of day", 1, 4},
                                                          {"weather", 2, 4},
                                                          {"object kind", 4, 6},
                                                          {"object colour", 5, 6},
                                                          {"motion direction", 6, 5}}};

// The value an attribute has in a condition, from 0.
int value_of(const models::Condition& condition, std::size_t attribute);

class Judge {
 public:
  static Judge fresh(std::uint64_t seed);
  static base::Result<Judge> read(const std::filesystem::path& path);
  base::Status write(const std::filesystem::path& path) const;  // half precision

  // Learns from catalogue renders for `steps` of 32 clips; says how it goes on standard error.
  void learn(std::uint64_t seed, int steps, double learning_rate);

  // One value per attribute for each clip of 16 frames.
  std::vector<std::array<int, kAttributes.size()>> read_attributes(const std::vector<gpu::ImageBlock>& clips) const;

 private:
  explicit Judge(gpu::Parameters weights) : weights_(std::move(weights)) {}
  gpu::Parameters weights_;
};

// Scene k of a sequence with one thing each, for learning and for prompts.
models::Condition single_thing_condition(std::uint64_t seed, std::uint64_t index);

}  // namespace framemill::score
