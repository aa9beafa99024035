// EXR files as other tools write them: made by the OpenEXR library, never by our own writer.
#pragma once

#include <string>
#include <vector>

namespace framemill::tests {

struct Box {
  int left = 0, top = 0, width = 0, height = 0;
};

struct ExrPart {
  std::string name;  // needed in a file of several parts
  std::vector<std::string> channels;
  Box display, data;
  bool tiled = false;
  bool full_float = false;                   // samples of 32 bits, not 16
  std::vector<std::string> uint_channels{};  // of `channels`: 32-bit integers
  std::vector<std::pair<std::string, std::string>> attributes{};
  // The sample of a channel at a pixel in coordinates of the file; null: exr_sample below.
  float (*sample)(std::size_t channel, int x, int y) = nullptr;
};

// channel + 1, plus 1/64 per pixel across and 1/32 down: exact as a half in small pictures.
float exr_sample(std::size_t channel, int x, int y);

std::string make_exr(const std::vector<ExrPart>& parts);

}  // namespace framemill::tests
