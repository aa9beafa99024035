// A layer's frames to a movie through framemill-media, over ffmpeg alone with the same pictures already in memory: what
// reading, enlarging and writing the strip cost beside the encoder. Wall time, and CPU time, which a busy machine
// does not distort.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "wire/farm.pb.h"
#include "worker/frames/frame_file.h"
#include "worker/media/ffmpeg_pipe.h"

namespace framemill {
namespace {

namespace fs = std::filesystem;

struct Times {
  double wall_s = 0, cpu_s = 0;
};

double cpu_seconds_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
Times timed(Work work) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds_of(RUSAGE_CHILDREN);
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), cpu_seconds_of(RUSAGE_CHILDREN) - cpu};
}

// Sky over moving water.
frames::Picture scene(int frame, int extent) {
  frames::Picture picture{extent, extent, frames::ColourSpace::Srgb, {}};
  for (int y = 0; y < extent; ++y) {
    for (int x = 0; x < extent; ++x) {
      const float height = static_cast<float>(y) / static_cast<float>(extent);
      const float wave = 0.05f * std::sin(0.7f * static_cast<float>(x + frame) + static_cast<float>(y * y));
      const bool sea = height > 0.6f;
      picture.rgb.push_back(sea ? 0.10f + wave : 0.45f + 0.3f * height);
      picture.rgb.push_back(sea ? 0.25f + wave : 0.45f + 0.2f * height);
      picture.rgb.push_back(sea ? 0.38f + wave : 0.55f);
    }
  }
  return picture;
}

wire::Grant request(const fs::path& root, int frames, int extent, int scale) {
  wire::Grant grant;
  grant.mutable_tasks()->set_count(1);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_version(1);
  recipe.set_output_printf("cut.mp4");
  recipe.mutable_encode()->set_fps(12);
  recipe.mutable_encode()->set_codec("h264");
  recipe.mutable_encode()->set_scale(scale);
  for (const char* token : {"shot", "version", "frame"}) recipe.mutable_encode()->add_burn_in(token);
  for (int i = 0; i < frames; ++i) {
    const auto file = frames::encode_frame(scene(i, extent), jobs::FrameFormat::Exr, {});
    FM_CHECK(file.ok(), "a frame can be encoded");
    const std::string name = fmt::format("hb_0010.{}.exr", 1001 + i);
    std::ofstream(root / name, std::ios::binary) << file->bytes;
    wire::InputFile& input = *grant.add_inputs();
    input.set_root("main");
    input.set_path(name);
    input.set_size_bytes(file->bytes.size());
    input.set_sha256(std::string(reinterpret_cast<const char*>(file->sha256.bytes.data()), file->sha256.bytes.size()));
    input.set_frame(1001 + i);
    input.set_shot("hb_0010");
    input.set_version(1);
    input.set_for_all_tasks(true);
  }
  return grant;
}

// The pages as ffmpeg gets them, but for the words in the strip.
std::vector<std::string> pages(int frames, int extent, int scale, int strip) {
  std::vector<std::string> all;
  for (int i = 0; i < frames; ++i) {
    const frames::Picture picture = scene(i, extent);
    std::string& page = all.emplace_back();
    for (int y = 0; y < extent * scale; ++y)
      for (int x = 0; x < extent * scale; ++x)
        for (int c = 0; c < 3; ++c)
          page.push_back(static_cast<char>(std::lround(
              255 *
              std::clamp(picture.rgb[static_cast<std::size_t>((y / scale * extent + x / scale) * 3 + c)], 0.f, 1.f))));
    page.append(static_cast<std::size_t>(extent * scale * strip * 3), '\x12');
  }
  return all;
}

int compare(const fs::path& program, int frames, int extent, int scale, int rounds) {
  const fs::path directory = fs::temp_directory_path() / fmt::format("framemill-movie-{:016x}", base::random_u64());
  fs::create_directories(directory / "root");
  fs::create_directories(directory / "staging");
  std::ofstream(directory / "request", std::ios::binary)
      << request(directory / "root", frames, extent, scale).SerializeAsString();
  const std::string command = fmt::format("{} encode {}/request --root main={}/root --staging {}/staging >/dev/null",
                                          program.string(), directory.string(), directory.string(), directory.string());
  const int strip = std::clamp(extent * scale / 14, 20, 64) / 2 * 2;
  const std::vector<std::string> raw = pages(frames, extent, scale, strip);
  std::vector<double> wall, cpu;
  for (int round = 0; round < rounds; ++round) {
    int status = 0;
    const Times whole = timed([&] { status = std::system(command.c_str()); });
    FM_CHECK(status == 0, "framemill-media made the movie");
    const Times alone = timed([&] {
      auto ffmpeg = media::FfmpegPipe::start({extent * scale, extent * scale + strip, 12}, directory / "alone.mp4");
      FM_CHECK(ffmpeg.ok(), "ffmpeg starts");
      for (const std::string& page : raw) FM_CHECK(ffmpeg->write(page).ok(), "ffmpeg reads");
      FM_CHECK(ffmpeg->finish().ok(), "ffmpeg made the movie");
    });
    fmt::print("framemill-media {:.2f} s ({:.2f} s CPU), ffmpeg alone {:.2f} s ({:.2f} s CPU)\n", whole.wall_s,
               whole.cpu_s, alone.wall_s, alone.cpu_s);
    wall.push_back(whole.wall_s / alone.wall_s);
    cpu.push_back(whole.cpu_s / alone.cpu_s);
  }
  fs::remove_all(directory);
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  fmt::print("{} frames of {} x {}: {:.2f} x ffmpeg alone, {:.2f} x its CPU time (medians of {})\n", frames,
             extent * scale, extent * scale + strip, wall[wall.size() / 2], cpu[cpu.size() / 2], rounds);
  return 0;
}

}  // namespace
}  // namespace framemill

int main(int argc, char** argv) {
  CLI::App app{"Movie encoding through framemill-media over ffmpeg alone."};
  std::string program = (std::filesystem::path(argv[0]).parent_path() / "framemill-media").string();
  int frames = 320, extent = 64, scale = 8, rounds = 3;
  app.add_option("--program", program, "framemill-media");
  app.add_option("--frames", frames)->check(CLI::Range(1, 100000));
  app.add_option("--extent", extent, "of a frame, before it is enlarged")->check(CLI::Range(8, 2048));
  app.add_option("--scale", scale)->check(CLI::Range(1, 16));
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 99));
  CLI11_PARSE(app, argc, argv);
  return framemill::compare(program, frames, extent, scale, rounds);
}
