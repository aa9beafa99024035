// Both digests of a file's contents: of its bytes, and of what it means where it is a frame or holds latents
// (samples_digest.h, docs/digests.md). Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/sha256.h"

namespace framemill::frames {

struct FileDigests {
  std::uint64_t size_bytes = 0;
  base::Sha256 bytes;
  bool has_samples = false;  // false for files that are neither frames nor tensors (movies)
  base::Sha256 samples;
};

// Both digests of a file's contents; its first bytes say what it holds. Errors: frames.unreadable,
// model.safetensors.
base::Result<FileDigests> digest_of_bytes(const std::string& file_bytes);
// Of an EXR or PNG file's samples alone; all of them are decoded. Errors: frames.unreadable, frames.too_large.
base::Result<base::Sha256> samples_digest_of_frame(const std::string& file_bytes);

}  // namespace framemill::frames
