#include "gpu/latent_block.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "gpu/memory_ledger.h"
#include "models/safetensors.h"

namespace framemill::gpu {
namespace {

LatentBlock block_of(int frames) {
  LatentBlock block{frames, 3, 2, 2, {}};
  for (int i = 0; i < frames * 12; ++i) block.values.push_back(static_cast<float>(i) * 0.37f - 1.0f);
  return block;
}

TEST_CASE("a latent block comes back from its bytes bit for bit") {
  const LatentBlock block = block_of(5);
  const std::string bytes = to_bytes(block, CarryDtype::F32);
  CHECK(bytes == to_bytes(block, CarryDtype::F32));
  const auto back = latent_block_from_bytes(bytes);
  REQUIRE(back.ok());
  CHECK(*back == block);
}

TEST_CASE("a half precision carry is settled after one round: its bytes come back as themselves") {
  const auto once = latent_block_from_bytes(to_bytes(block_of(2), CarryDtype::F16));
  REQUIRE(once.ok());
  CHECK(to_bytes(*once, CarryDtype::F16) == to_bytes(block_of(2), CarryDtype::F16));
  CHECK(std::abs(once->values[5] - block_of(2).values[5]) < 1e-2f);
}

TEST_CASE("frames are sliced where they are asked for") {
  const LatentBlock block = block_of(4);
  const LatentBlock middle = slice_frames(block, 1, 2);
  CHECK(middle.frames == 2);
  CHECK(middle.values.front() == block.values[12]);
  CHECK(middle.values.size() == 24);
}

TEST_CASE("carry bytes that are no latent block are refused") {
  models::SafetensorsWriter other;
  other.add_floats("something", {1, 1, 1, 1}, std::vector<float>{1});
  CHECK(latent_block_from_bytes(other.bytes()).error().code == "gpu.latent_shape");
  models::SafetensorsWriter flat;
  flat.add_floats("latents", {4}, std::vector<float>{1, 2, 3, 4});
  CHECK(latent_block_from_bytes(flat.bytes()).error().code == "gpu.latent_shape");
  models::SafetensorsWriter odd;
  odd.add_floats("latents", {1, 1, 1, 1}, std::vector<float>{NAN});
  CHECK(latent_block_from_bytes(odd.bytes()).error().code == "gpu.latent_shape");
  models::SafetensorsWriter empty;
  empty.add_floats("latents", {0, 1, 1, 1}, std::vector<float>{});
  CHECK(latent_block_from_bytes(empty.bytes()).error().code == "gpu.latent_shape");
  models::SafetensorsWriter bytes;
  bytes.add("latents", models::Dtype::U8, {1, 1, 1, 1}, "x");
  CHECK(latent_block_from_bytes(bytes.bytes()).error().code == "gpu.latent_shape");
  CHECK_FALSE(latent_block_from_bytes("").ok());
}

TEST_CASE("the ledger never books less than what was seen") {
  jobs::MemoryPrior prior;
  prior.resident_bytes = 1000;
  prior.per_window_bytes = 100;
  MemoryLedger ledger(prior);
  ledger.on_loaded(1200);
  ledger.on_batch(2, 1900);
  CHECK(jobs::booking_bytes(ledger.row(), 2) >= 1900);
  CHECK(ledger.largest_batch(jobs::booking_bytes(ledger.row(), 2), 16) >= 2);
  CHECK(ledger.largest_batch(0, 16) == 0);
}

}  // namespace
}  // namespace framemill::gpu
