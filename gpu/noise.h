// Starting noise of a window as a pure function of (seed, absolute latent frame, element, stream, sample): the same
// value whatever the batch, the device, the launch size or the order of drawing. docs/noise.md is the format page with
// known answers; recipes name kNoiseVersion.
#pragma once

#include <cstdint>
#include <span>

namespace framemill::gpu {

// Changes when any known answer of docs/noise.md does.
inline constexpr int kNoiseVersion = 1;

enum class NoiseStream : std::uint32_t { Latent = 0, Renoise = 1 };

struct NoiseKey {
  std::uint64_t seed = 0;
  std::int64_t frame = 0;  // absolute latent frame of the shot; its low 32 bits (two's complement) count
  NoiseStream stream = NoiseStream::Latent;
  std::uint32_t sample = 0;  // sampler step for streams drawn again at each step, else 0
};

// Fills `out` with standard normals; out[i] depends on the key and i alone.
void fill_normals(const NoiseKey& key, std::span<float> out);

// The transform alone: four words of Philox to four normals.
void normals_from_words(const std::uint32_t words[4], float normals[4]);

}  // namespace framemill::gpu
