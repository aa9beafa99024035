// PNG files of 8 or 16 bits in lines, decoded by libpng: grey or colour, with or without alpha, no palette and no colour
// that is transparent. Others are OpenImageIO's (simple_frame.h). Bytes in, values out. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/frames/samples_digest.h"

namespace framemill::frames {

struct PngHeader {
  int width = 0, height = 0, bits = 8;
  std::vector<std::string> channels;  // "Y"; "Y" "A"; "R" "G" "B"; "R" "G" "B" "A"
};

// From the chunks in front of the samples, also of the beginning of a file. Nothing: not such a file.
std::optional<PngHeader> read_png_header(const std::string& file_bytes);

// All samples, as samples_digest() takes them. Nothing: the file is cut or damaged.
std::optional<ImageSamples> decode_png(const std::string& file_bytes, const PngHeader& header);

}  // namespace framemill::frames
