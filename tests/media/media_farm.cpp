#include "tests/media/media_farm.h"

#include <OpenImageIO/imageio.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "base/file.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_file.h"

namespace framemill::tests {
namespace {

namespace fs = std::filesystem;

std::string raw(const base::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

// Sky over sea, and a boat that moves with the frame.
frames::Picture scene(std::uint32_t variant, std::int32_t frame, int extent) {
  frames::Picture picture{extent, extent, frames::ColourSpace::Srgb, {}};
  const float hue = static_cast<float>(variant) / 6.0f;
  const int boat = (frame * extent / 64) % extent;
  for (int y = 0; y < extent; ++y) {
    for (int x = 0; x < extent; ++x) {
      const float height = static_cast<float>(y) / static_cast<float>(extent);
      const bool sea = height > 0.6f,
                 on_boat = std::abs(x - boat) < extent / 10 && std::abs(y - extent * 6 / 10) < extent / 16;
      const float wave = 0.04f * std::sin(0.7f * static_cast<float>(x + frame) + static_cast<float>(y));
      picture.rgb.push_back(on_boat ? 0.75f : sea ? 0.10f + wave : 0.30f + 0.5f * hue + 0.3f * height);
      picture.rgb.push_back(on_boat ? 0.20f : sea ? 0.25f + wave : 0.45f + 0.2f * height);
      picture.rgb.push_back(on_boat ? 0.15f : sea ? 0.38f + wave : 0.75f - 0.4f * hue);
    }
  }
  return picture;
}

}  // namespace

MediaFarm::MediaFarm()
    : path(fs::temp_directory_path() / fmt::format("framemill-media-{:016x}", base::random_u64())), root(path / "root"),
      staging(path / "staging") {
  fs::create_directories(root);
  fs::create_directories(staging);
}
MediaFarm::~MediaFarm() {
  std::error_code ignored;
  if (!std::getenv("FRAMEMILL_KEEP_TEST_FILES")) fs::remove_all(path, ignored);
}

wire::InputFile MediaFarm::paint(const std::string& shot, const std::string& layer, std::uint32_t variant,
                                 std::int32_t frame, const std::string& format, int extent) {
  wire::Recipe recipe;
  recipe.set_shot(shot);
  recipe.set_layer(layer);
  const auto file = frames::encode_frame(scene(variant, frame, extent),
                                         format == "png" ? jobs::FrameFormat::Png : jobs::FrameFormat::Exr,
                                         frames::frame_attributes(recipe, frame, "test"))
                        .value();
  wire::InputFile input;
  input.set_root("main");
  input.set_path(fmt::format("{}/{}_t{:02}.{:04}.{}", shot, layer, variant, frame, format));
  fs::create_directories((root / input.path()).parent_path());
  std::ofstream(root / input.path(), std::ios::binary) << file.bytes;
  input.set_size_bytes(file.bytes.size());
  input.set_sha256(raw(file.sha256));
  input.set_frame(frame);
  input.set_shot(shot);
  input.set_layer(layer);
  input.set_variant(variant);
  input.set_version(1);
  input.set_for_all_tasks(true);
  return input;
}

wire::InputFile MediaFarm::plate(std::int32_t frame, std::array<int, 2> rate) {
  wire::InputFile input;
  input.set_root("main");
  input.set_path(fmt::format("plate.{:04}.exr", frame));
  input.set_frame(frame);
  OIIO::ImageSpec spec(64, 64, 3, OIIO::TypeDesc::HALF);
  spec.attribute("FramesPerSecond", OIIO::TypeRational, rate.data());
  const std::vector<float> grey(64 * 64 * 3, 0.5f);
  const std::string file = (root / input.path()).string();
  const auto out = OIIO::ImageOutput::create(file);
  REQUIRE((out && out->open(file, spec) && out->write_image(OIIO::TypeDesc::FLOAT, grey.data()) && out->close()));
  return input;
}

ProgramResult MediaFarm::run_tool(const std::vector<std::string>& arguments) {
  std::string command = fmt::format("{}/framemill-media", FRAMEMILL_BIN_DIR);
  for (const auto& argument : arguments) command += " '" + argument + "'";
  command += fmt::format(" >{0}/output 2>{0}/diagnostics", path.string());
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, base::read_file(path / "output", 1 << 20).value(),
          base::read_file(path / "diagnostics", 1 << 20).value()};
}

ProgramResult MediaFarm::run(const std::string& verb, const wire::Grant& grant) {
  std::ofstream(path / "request", std::ios::binary) << grant.SerializeAsString();
  std::vector<std::string> arguments{
      verb, (path / "request").string(), "--root", "main=" + root.string(), "--staging", staging.string()};
  for (const auto& [name, directory] : roots) {
    arguments.emplace_back("--root");
    arguments.push_back(name + "=" + directory);
  }
  return run_tool(arguments);
}

std::string ProgramResult::last_line() const {
  std::string text = diagnostics;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
}

wire::Grant encode_grant(const std::vector<wire::InputFile>& inputs) {
  wire::Grant grant;
  grant.mutable_tasks()->set_count(1);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show("harbor");
  recipe.set_sequence("hb");
  recipe.set_version(1);
  recipe.set_output_printf("harbor/hb/cut.mp4");
  auto& encode = *recipe.mutable_encode();
  encode.set_fps(12);
  encode.set_codec("h264");
  encode.set_scale(8);
  for (const char* token : {"shot", "version", "frame"}) encode.add_burn_in(token);
  for (const auto& input : inputs) *grant.add_inputs() = input;
  return grant;
}

wire::Grant sheet_grant() {
  wire::Grant grant;
  grant.mutable_tasks()->set_count(1);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show("harbor");
  recipe.set_output_printf("harbor/hb/sheet.png");
  recipe.mutable_sheet()->set_every(8);
  recipe.mutable_sheet()->set_tile(192);
  return grant;
}

wire::SheetRow& add_row(wire::Grant& grant, const std::string& shot, const std::string& layer,
                        std::uint32_t layer_index, std::uint32_t variant, const std::string& frames) {
  wire::SheetRow& row = *grant.mutable_recipe()->mutable_sheet()->add_rows();
  row.set_shot(shot);
  row.set_layer(layer);
  row.set_layer_index(layer_index);
  row.set_variant(variant);
  row.set_seed(40 + variant);
  row.set_version(1);
  row.set_prompt("calm harbor at dusk, red boat moving left");
  row.set_model("demo-clips@1");
  row.set_model_digest(std::string(32, '\x3c'));
  row.set_frames(frames);
  return row;
}

}  // namespace framemill::tests
