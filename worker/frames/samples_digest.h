// The canonical samples digest: SHA-256 over what a file means, whatever its compression, headers and attributes
// (docs/digests.md). Two files with equal samples have equal samples digests; the digest of the bytes says whether the
// files themselves are equal. Pure functions over values; file_digests.h opens frame files and latents.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace framemill::frames {

// The first line of what is digested, by version (docs/digests.md).
inline constexpr std::string_view kSamplesFormat1 = "framemill-samples 1\n", kSamplesFormat2 = "framemill-samples 2\n";

enum class SampleType { U8, U16, F16, F32 };
std::string_view sample_type_name(SampleType type);  // "u8", "f16": as the digest's header spells it
std::size_t sample_size(SampleType type);

// Samples as the file stores them: little-endian, row by row from the top, channels interleaved.
struct ImageSamples {
  int width = 0;
  int height = 0;
  std::vector<std::string> channels;  // "R" "G" "B"
  SampleType type = SampleType::U8;
  std::string bytes;
};

base::Sha256 samples_digest(const ImageSamples& image);

// Of a safetensors file's contents. Errors: model.safetensors.
base::Result<base::Sha256> tensors_digest(std::string_view file_bytes);

}  // namespace framemill::frames
