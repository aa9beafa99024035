// framemill-media: a child of the worker that makes movies and contact sheets, and a tool that tells files apart.
// Progress goes to standard output ("progress DONE TOTAL"); the last line of standard error is why it failed.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_file.h"
#include "worker/media/check_call.h"
#include "worker/media/library_reader.h"
#include "worker/media/movie.h"
#include "worker/media/previews.h"
#include "worker/media/sheet_drawing.h"

namespace framemill::media {
namespace {

constexpr std::uint64_t kFileBytesMax = 4ull << 30;

// A line at most every 100 ms, and the last one.
void print_progress(std::size_t done, std::size_t total) {
  static std::chrono::steady_clock::time_point last{};
  const auto now = std::chrono::steady_clock::now();
  if (done < total && now - last < std::chrono::milliseconds(100)) return;
  last = now;
  fmt::print("progress {} {}\n", done, total);
  std::fflush(stdout);
}

struct MakeOptions {
  std::string request, staging;
  std::vector<std::string> roots;
};

int make(const MakeOptions& options, base::Status (*work)(const Request&, const Progress&)) {
  const auto request = read_request(options.request, options.roots, options.staging);
  if (!request.ok()) return complain(request.error());
  const auto status = work(*request, print_progress);
  return status.ok() ? 0 : complain(status.error());
}

// REQUEST: what framemill-worker asks about the output of a program (wire/media.proto).
int check(const MakeOptions& options) {
  const CheckCall call{options.request, options.staging, options.roots};
  LibraryReader reader;
  const auto reply = carry_out(call, reader);
  if (!reply.ok()) return complain(reply.error());
  const auto written = write_reply(call, *reply);
  return written.ok() ? 0 : complain(written.error());
}

struct PreviewOptions {
  std::vector<std::string> roots;
  std::optional<gid_t> group;
};

int previews(const PreviewOptions& options) {
  const auto roots = read_roots(options.roots);
  return roots.ok() ? serve_previews(*roots, options.group) : complain(roots.error());
}

// FILE: sha256 and samples digest ("-" where there is none), one line each, as a program wants them.
int digest(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const auto bytes = base::read_file(file, kFileBytesMax);
    if (!bytes.ok()) return complain(bytes.error());
    const auto digests = frames::digest_of_bytes(*bytes);
    if (!digests.ok()) return complain(digests.error().wrapped(file));
    fmt::print("{} {}  {}\n", digests->bytes.hex(), digests->has_samples ? digests->samples.hex() : "-", file);
  }
  return 0;
}

int probe(const std::string& file) {
  const auto bytes = base::read_file(file, kFileBytesMax);
  if (!bytes.ok()) return complain(bytes.error());
  if (!frames::looks_like_frame(*bytes)) {
    std::fflush(stdout);
    ::execlp("ffprobe", "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
             "stream=codec_name,width,height,pix_fmt,r_frame_rate,nb_frames,color_space,color_primaries,color_transfer,"
             "color_range",
             "-of", "default=noprint_wrappers=1", file.c_str(), nullptr);
    return complain({"media.ffprobe", "ffprobe cannot be started", "", "install the package ffmpeg"});
  }
  const auto decoded = frames::decode_frame(*bytes);
  const auto samples = frames::stored_samples(*bytes);
  if (!decoded.ok()) return complain(decoded.error().wrapped(file));
  if (!samples.ok()) return complain(samples.error().wrapped(file));
  fmt::print("width={}\nheight={}\nchannels={}\ntype={}\n", samples->width, samples->height, samples->channels.size(),
             frames::sample_type_name(samples->type));
  for (const auto& [name, value] : decoded->attributes)
    fmt::print("{}={}\n", base::clean_text(name, 256), base::clean_text(value, 4096));
  return 0;
}

}  // namespace
}  // namespace framemill::media

int main(int argc, char** argv) {
  using namespace framemill::media;
  CLI::App app{
      "Makes movies and contact sheets of frames; a child of framemill-worker, and a tool to look into files."};
  app.set_version_flag("--version", "framemill-media " FRAMEMILL_VERSION);
  app.footer("Example: framemill-media digest frames/hb_0010.1001.exr");
  app.require_subcommand(1);
  MakeOptions options;
  std::vector<std::string> files;
  std::string file;
  const auto maker = [&](const char* name, const char* what) {
    CLI::App* verb = app.add_subcommand(name, what);
    verb->add_option("request", options.request, "file with a serialised grant")->required();
    verb->add_option("--root", options.roots, "name=path of a root");
    verb->add_option("--staging", options.staging, "the attempt's staging directory")->required();
    return verb;
  };
  CLI::App* encode = maker("encode", "frames to an H.264 movie");
  CLI::App* sheet = maker("sheet", "frames to a contact sheet");
  CLI::App* checker = maker("check", "whether what a program wrote is what its names say");
  PreviewOptions preview_options;
  CLI::App* preview = app.add_subcommand("previews", "small pictures of published frames, as the worker asks");
  preview->add_option("--root", preview_options.roots, "name=path of a root");
  preview->add_option("--group", preview_options.group, "number of the group of what is written");
  app.add_subcommand("digest", "SHA-256 and samples digest of files")->add_option("files", files)->required();
  CLI::App* look = app.add_subcommand("probe", "what a frame or a movie is");
  look->add_option("file", file)->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 2: bad usage
  }
  if (encode->parsed()) return make(options, encode_movie);
  if (sheet->parsed()) return make(options, draw_sheet);
  if (checker->parsed()) return check(options);
  if (preview->parsed()) return previews(preview_options);
  if (look->parsed()) return probe(file);
  return digest(files);
}
