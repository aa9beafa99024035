// Frame files as most programs write them, read without OpenImageIO, whose 260 libraries take a fifth of a second to link:
// PNG files of 8 or 16 bits, and EXR files of one flat part whose channels are R, G, B, perhaps A, or Y, all half or all
// float. Everything else, and everything that looks wrong, is `not simple`: OpenImageIO decides about it, so that both
// ways agree about every file. Bytes in, values out. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/sha256.h"
#include "worker/frames/frame_facts.h"

namespace framemill::frames {

// As frame_facts(), also of the beginning of a file. Nothing: not simple.
std::optional<FrameFacts> simple_frame_facts(const std::string& file_bytes);

// As samples_digest_of_frame(): all samples are decoded, so that a file that is cut or damaged has none. Nothing: not
// simple.
std::optional<base::Sha256> simple_samples_digest(const std::string& file_bytes);

}  // namespace framemill::frames
