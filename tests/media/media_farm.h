// A root with painted frames, and requests about them: what a finished job leaves behind for the media program.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "wire/farm.pb.h"

namespace framemill::tests {

struct ProgramResult {
  int exit_status = -1;
  std::string output, diagnostics;
  std::string last_line() const;  // of diagnostics
};

class MediaFarm {
 public:
  MediaFarm();
  ~MediaFarm();

  // Paints a frame file and returns it as an input.
  wire::InputFile paint(const std::string& shot, const std::string& layer, std::uint32_t variant, std::int32_t frame,
                        const std::string& format = "exr", int extent = 64);
  // A plate from outside the farm, made by OpenImageIO, that says how many frames a second it was shot at.
  wire::InputFile plate(std::int32_t frame, std::array<int, 2> rate);
  // Runs framemill-media with the grant as its request.
  ProgramResult run(const std::string& verb, const wire::Grant& grant);
  ProgramResult run_tool(const std::vector<std::string>& arguments);

  const std::filesystem::path path, root, staging;
  std::vector<std::pair<std::string, std::string>> roots;  // beside "main": name and path
};

wire::Grant encode_grant(const std::vector<wire::InputFile>& inputs);
wire::Grant sheet_grant();
wire::SheetRow& add_row(wire::Grant& grant, const std::string& shot, const std::string& layer,
                        std::uint32_t layer_index, std::uint32_t variant, const std::string& frames);

}  // namespace framemill::tests
