// What it costs to open a program's pictures before they are committed: framemill-check of one chunk, over
// reading the same bytes, over the cheapest program that could have made them (`cp` once a frame), and over one that
// decodes and encodes them (ffmpeg once a frame). CPU time, which a busy machine does not distort; the time of one
// small file is that of a check with nothing to do.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "wire/media.pb.h"
#include "worker/frames/frame_file.h"

namespace framemill {
namespace {

namespace fs = std::filesystem;

double cpu_seconds_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
double cpu_of_children(Work work) {
  const double before = cpu_seconds_of(RUSAGE_CHILDREN);
  work();
  return cpu_seconds_of(RUSAGE_CHILDREN) - before;
}

double cpu_of_reading(const std::vector<fs::path>& files) {
  const double before = cpu_seconds_of(RUSAGE_SELF);
  for (const fs::path& file : files)
    FM_CHECK(base::read_file(file, 1u << 30).ok(), "a frame that was written is there");
  return cpu_seconds_of(RUSAGE_SELF) - before;
}

// Noise over a gradient, as a camera has it: a flat picture would cost the check less than it does.
frames::Picture scene(int frame, int width, int height) {
  frames::Picture picture{width, height, frames::ColourSpace::Srgb, {}};
  std::uint32_t state = 1 + static_cast<std::uint32_t>(frame);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < 3 * width; ++x) {
      state = state * 1664525u + 1013904223u;
      picture.rgb.push_back(0.2f + 0.6f * static_cast<float>(y) / static_cast<float>(height) +
                            0.02f * static_cast<float>(state >> 24) / 255.0f);
    }
  return picture;
}

struct Chunk {
  Chunk(const fs::path& directory, int frames, int width, int height, jobs::FrameFormat format)
      : root(directory / "root"), staging(directory / "staging") {
    const std::string ending = format == jobs::FrameFormat::Exr ? "exr" : "png";
    fs::create_directories(root);
    fs::create_directories(staging / "out");
    fs::create_directories(staging / "converted");
    request.mutable_recipe()->set_root("main");
    request.mutable_recipe()->set_layer("grade");
    request.mutable_recipe()->set_frames(fmt::format("1-{}", frames));
    request.mutable_recipe()->mutable_command()->add_argv("cp");
    for (int i = 1; i <= frames; ++i) {
      const auto file = frames::encode_frame(scene(i, width, height), format, {});
      FM_CHECK(file.ok(), "a frame can be encoded");
      const std::string name = fmt::format("f.{:04}.{}", i, ending);
      plates.push_back(root / name);
      std::ofstream(plates.back(), std::ios::binary) << file->bytes;
      bytes += file->bytes.size();
      wire::InputFile& input = *request.add_inputs();
      input.set_role(wire::InputFile::FRAME);
      input.set_root("main");
      input.set_path(name);
      input.set_frame(i);
      input.set_task(static_cast<std::uint32_t>(i - 1));
      wire::CheckFile& asked = *request.add_files();
      asked.set_staged("out/" + name);
      asked.set_path("grade/" + name);
      asked.set_frame(i);
      asked.set_has_frame(true);
      asked.set_task(static_cast<std::uint32_t>(i - 1));
    }
  }
  double copy() const {
    return cpu_of_children([this] {
      for (const fs::path& plate : plates)
        FM_CHECK(std::system(fmt::format("exec cp '{}' '{}'", plate.string(), (staging / "out").string()).c_str()) == 0,
                 "a plate can be copied");
    });
  }
  double convert() const {
    return cpu_of_children([this] {
      for (const fs::path& plate : plates)
        FM_CHECK(std::system(fmt::format("exec ffmpeg -nostdin -v error -i '{}' -y '{}'", plate.string(),
                                         (staging / "converted" / plate.filename()).string())
                                 .c_str()) == 0,
                 "ffmpeg can convert a plate");
    });
  }
  // As the worker calls it: framemill-check, which leaves to framemill-media what it does not know.
  double check(const fs::path& programs) const {
    std::ofstream(staging / "check.bin", std::ios::binary) << request.SerializeAsString();
    return cpu_of_children([&] {
      const std::string command = fmt::format("exec '{}' '{}' --media '{}' --root 'main={}' --staging '{}' >/dev/null",
                                              (programs / "framemill-check").string(), (staging / "check.bin").string(),
                                              (programs / "framemill-media").string(), root.string(), staging.string());
      FM_CHECK(std::system(command.c_str()) == 0, "the check runs");
    });
  }
  fs::path root, staging;
  wire::CheckRequest request;
  std::vector<fs::path> plates;
  std::uintmax_t bytes = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const fs::path& programs, const fs::path& directory, int frames, jobs::FrameFormat format,
             const char* name) {
  const fs::path own = directory / name;
  const Chunk chunk(own, frames, 1920, 1080, format);
  const Chunk small(own / "small", 1, 16, 16, format);
  std::vector<double> copies, conversions, checks, starts, reads;
  for (int round = 0; round < 3; ++round) {
    small.copy();
    starts.push_back(small.check(programs));
    copies.push_back(chunk.copy());
    conversions.push_back(chunk.convert());
    checks.push_back(chunk.check(programs));
    reads.push_back(cpu_of_reading(chunk.plates));
  }
  const double n = frames;
  const double start = median(starts), check = (median(checks) - start) / n, copy = median(copies) / n,
               convert = median(conversions) / n, read = median(reads) / n;
  const double megabytes = static_cast<double>(chunk.bytes) / n / 1e6;
  fmt::print("{}: {} frames of 1920 x 1080, {:.1f} MB each\n", name, frames, megabytes);
  fmt::print("  a check with one small file   {:6.1f} ms\n", 1e3 * start);
  fmt::print("  each frame more              {:6.1f} ms\n", 1e3 * check);
  for (const auto& [peer, cost] : {std::pair{"ffmpeg", convert}, {"cp", copy}, {"reading it", read}})
    fmt::print("    {:5.2f} x {} ({:.1f} ms)\n", check / cost, peer, 1e3 * cost);
}

}  // namespace
}  // namespace framemill

int main(int argc, char** argv) {
  using namespace framemill;
  CLI::App app{"What opening a program's pictures costs, over cp and over reading them."};
  int frames = 24;
  std::string programs;
  app.add_option("--frames", frames, "frames in the chunk")->check(CLI::Range(1, 1000));
  app.add_option("--programs", programs, "directory of the farm's programs; default: this program's");
  CLI11_PARSE(app, argc, argv);
  if (programs.empty()) programs = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path directory = fs::temp_directory_path() / fmt::format("framemill-output-check-{}", ::getpid());
  measure(programs, directory, frames, jobs::FrameFormat::Png, "png");
  measure(programs, directory, frames, jobs::FrameFormat::Exr, "exr");
  fs::remove_all(directory);
  return 0;
}
