// The canonical samples digest: SHA-256 over what a file means, whatever its compression, headers and attributes
// (docs/digests.md). Two files with equal samples have equal samples digests; the digest of the bytes says whether the
// files themselves are equal. Pure functions over values; digest_of_bytes opens frame files and latents.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace framemill::frames {

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

struct FileDigests {
  std::uint64_t size_bytes = 0;
  base::Sha256 bytes;
  bool has_samples = false;  // false for files that are neither frames nor tensors (movies)
  base::Sha256 samples;
};

// Both digests of a file's contents; what it holds is told by its first bytes. Errors: frames.unreadable,
// model.safetensors.
base::Result<FileDigests> digest_of_bytes(const std::string& file_bytes);
// Of an EXR or PNG file's samples alone; all of them are decoded. Errors: frames.unreadable, frames.too_large.
base::Result<base::Sha256> samples_digest_of_frame(const std::string& file_bytes);

}  // namespace framemill::frames
