#include "gpu/noise.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

namespace framemill::gpu {
namespace {

std::vector<std::uint32_t> bits_of(const NoiseKey& key, std::size_t count) {
  std::vector<float> values(count);
  fill_normals(key, values);
  std::vector<std::uint32_t> bits;
  for (float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

TEST_CASE("noise has the known answers of its format page") {
  using Bits = std::vector<std::uint32_t>;
  CHECK(bits_of({0, 0, NoiseStream::Latent, 0}, 8) ==
        Bits{0x3f7dbb33, 0xbf6cb6b0, 0xbf1e1b9f, 0xbef6d1b2, 0xbe1d5357, 0x3e392a6d, 0x3f54ec98, 0x3e4a2da3});
  CHECK(bits_of({42, 0, NoiseStream::Latent, 0}, 8) ==
        Bits{0xbf785e5c, 0x3e46ace8, 0xbf9e28d2, 0x3ff6433b, 0xbd95e030, 0x3e0e7a0f, 0xbf8da733, 0x3ea742fd});
  CHECK(bits_of({42, -1, NoiseStream::Latent, 0}, 4) == Bits{0xbf972ab2, 0x3fa19e29, 0xbe20ca7a, 0x3f57ce8b});
  CHECK(bits_of({0xffffffffffffffff, 1'000'000, NoiseStream::Renoise, 7}, 4) ==
        Bits{0x3f0dfadf, 0x3fac047e, 0x3fad5a45, 0x3ebbb4fb});
}

TEST_CASE("an element of noise depends on its place, not on how many are drawn") {
  const auto many = bits_of({7, 3, NoiseStream::Latent, 0}, 1003);
  const auto few = bits_of({7, 3, NoiseStream::Latent, 0}, 5);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("seed, frame, stream and sample each change the noise") {
  const auto base = bits_of({7, 3, NoiseStream::Latent, 0}, 4);
  CHECK(bits_of({8, 3, NoiseStream::Latent, 0}, 4) != base);
  CHECK(bits_of({7 + (std::uint64_t{1} << 32), 3, NoiseStream::Latent, 0}, 4) != base);
  CHECK(bits_of({7, 4, NoiseStream::Latent, 0}, 4) != base);
  CHECK(bits_of({7, 3, NoiseStream::Renoise, 0}, 4) != base);
  CHECK(bits_of({7, 3, NoiseStream::Latent, 1}, 4) != base);
}

TEST_CASE("noise is normal: mean, variance, fourth moment, and agreement with libm") {
  std::vector<float> values(1 << 18);
  fill_normals({1, 0, NoiseStream::Latent, 0}, values);
  double mean = 0, square = 0, fourth = 0;
  for (float x : values) {
    mean += x;
    square += double{x} * x;
    fourth += std::pow(double{x}, 4);
  }
  const auto n = static_cast<double>(values.size());
  CHECK(std::abs(mean / n) < 5.0 / std::sqrt(n));
  CHECK(std::abs(square / n - 1.0) < 5.0 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourth / n - 3.0) < 5.0 * std::sqrt(96.0 / n));
  for (std::uint32_t k = 0; k < 20'000; ++k) {
    const std::uint32_t words[4] = {k * 2654435761u, k * 40503u * 2654435769u, ~k, k * 97u};
    float normals[4];
    normals_from_words(words, normals);
    const double radius = std::sqrt(-2.0 * std::log((words[0] + 0.5) * 0x1p-32));
    const double angle = (words[1] + 0.5) * 0x1p-32 * 2.0 * M_PI;
    REQUIRE(std::abs(normals[0] - radius * std::cos(angle)) < 1e-6);
    REQUIRE(std::abs(normals[1] - radius * std::sin(angle)) < 1e-6);
  }
}

TEST_CASE("the extreme words of the generator give finite normals") {
  for (std::uint32_t radius : {0u, 1u, 0x7fffffffu, 0xffffffffu}) {
    for (std::uint32_t angle : {0u, 0x1fffffffu, 0x20000000u, 0x80000000u, 0xffffffffu}) {
      const std::uint32_t words[4] = {radius, angle, angle, radius};
      float normals[4];
      normals_from_words(words, normals);
      for (float x : normals) CHECK(std::isfinite(x));
    }
  }
}

}  // namespace
}  // namespace framemill::gpu
