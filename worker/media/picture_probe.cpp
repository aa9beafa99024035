#include "worker/media/picture_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/os_error.h"
#include "jobs/attempt_error.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/oiio.h"
#include "worker/media/tool_run.h"

namespace framemill::media {
namespace {

// Containers of movies. Playlists, which name other files and addresses, are not among them.
constexpr const char* kContainers = "mov,mp4,matroska,webm,avi,mxf,mpeg,mpegts,ogg";
constexpr int kBandRows = 64;

base::Error output_unreadable(std::string reason) {
  return base::error_of(jobs::AttemptError::OutputUnreadable, std::move(reason));
}

base::Error not_started(const ToolEnd& end, const char* program) {
  const std::string_view code = base::process_code(end.start_error);
  if (!code.empty())
    return {std::string(code), fmt::format("start {}: {}", program, std::strerror(end.start_error)), "", ""};
  return base::error_of(jobs::AttemptError::FfmpegMissing, "ffprobe and ffmpeg cannot be started", "",
                        "install the package ffmpeg");
}

// The library fills what is missing with grey and calls it read.
bool ends_as_jpeg(const std::filesystem::path& file) {
  constexpr std::streamoff kTailBytes = 1024;  // some tools pad
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  const std::string tail{std::istreambuf_iterator<char>(in), {}};
  return tail.find("\xff\xd9") != std::string::npos;
}

int number(const std::map<std::string, std::string, std::less<>>& facts, std::string_view key) {
  const auto found = facts.find(key);
  int value = 0;
  if (found != facts.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

// "key=value" lines.
std::map<std::string, std::string, std::less<>> facts_of(std::string_view text) {
  std::map<std::string, std::string, std::less<>> facts;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) facts.emplace(line.substr(0, equals), line.substr(equals + 1));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return facts;
}

ProbedSize size_of(const OIIO::ImageSpec& spec) {
  ProbedSize size{spec.full_width, spec.full_height, {}};
  for (const std::string& channel : spec.channelnames) size.channels += (size.channels.empty() ? "" : " ") + channel;
  return size;
}

}  // namespace

std::optional<ProbedSize> probe_picture_header(const std::filesystem::path& file, const std::string& ending) try {
  OIIO::attribute("threads", 1);
  const auto reader = ending.size() < 2 ? nullptr : OIIO::ImageInput::create(ending.substr(1));
  OIIO::ImageSpec spec;
  if (!reader || !reader->open(file.string(), spec)) {
    (void)OIIO::geterror();
    return std::nullopt;
  }
  return size_of(spec);
} catch (const std::exception&) {
  return std::nullopt;
}

base::Result<ProbedSize> probe_picture(const std::filesystem::path& file, const std::string& ending) try {
  OIIO::attribute("threads", 1);
  // By the name's ending: no other parser of the library sees the file.
  const auto reader = ending.size() < 2 ? nullptr : OIIO::ImageInput::create(ending.substr(1));
  if (!reader) {
    (void)OIIO::geterror();
    return ProbedSize{};
  }
  if (std::string_view(reader->format_name()) == "jpeg" && !ends_as_jpeg(file))
    return output_unreadable("the JPEG file is truncated: its end is missing");
  OIIO::ImageSpec spec;
  if (!reader->open(file.string(), spec)) return output_unreadable(reader->geterror());
  if (spec.full_width < 1 || spec.full_height < 1 || spec.full_width > frames::kFrameExtentMax ||
      spec.full_height > frames::kFrameExtentMax || spec.image_bytes(true) > frames::kFrameSampleBytesMax)
    return output_unreadable(fmt::format("{} x {} pixels are beyond the limit", spec.full_width, spec.full_height));
  const std::size_t row_bytes = spec.scanline_bytes(true);
  if (spec.tile_width > 0) {
    std::string all(spec.image_bytes(true), '\0');
    if (!reader->read_image(0, 0, 0, spec.nchannels, OIIO::TypeDesc::UNKNOWN, all.data()))
      return output_unreadable(reader->geterror());
  } else {
    std::string band(row_bytes * kBandRows, '\0');
    for (int y = spec.y; y < spec.y + spec.height; y += kBandRows)
      if (!reader->read_scanlines(0, 0, y, std::min(y + kBandRows, spec.y + spec.height), 0, 0, spec.nchannels,
                                  OIIO::TypeDesc::UNKNOWN, band.data()))
        return output_unreadable(reader->geterror());
  }
  return size_of(spec);
} catch (const std::exception& error) {
  return output_unreadable(error.what());
}

base::Result<ProbedSize> probe_movie(const std::filesystem::path& file) {
  const ToolEnd probed =
      run_tool({"ffprobe", "-v", "level+error", "-format_whitelist", kContainers, "-protocol_whitelist", "file",
                "-select_streams", "v:0", "-count_packets", "-show_entries", "stream=width,height,nb_read_packets",
                "-of", "default=noprint_wrappers=1", "file:" + file.string()});
  if (!probed.started) return not_started(probed, "ffprobe");
  const auto facts = facts_of(probed.output);
  const ProbedSize size{number(facts, "width"), number(facts, "height"), {}};
  if (!probed.ok || !probed.last_error.empty())
    return output_unreadable(probed.last_error.empty() ? "ffprobe cannot read it" : probed.last_error);
  if (size.width < 1 || size.height < 1 || number(facts, "nb_read_packets") < 1)
    return output_unreadable("the file holds no video stream with a frame");
  const ToolEnd decoded = run_tool({"ffmpeg", "-v", "level+error", "-xerror", "-nostdin", "-format_whitelist",
                                    kContainers, "-protocol_whitelist", "file", "-i", "file:" + file.string(), "-map",
                                    "0:v:0", "-frames:v", "1", "-f", "null", "-"});
  if (!decoded.started) return not_started(decoded, "ffmpeg");
  if (!decoded.ok)
    return output_unreadable(decoded.last_error.empty() ? "no frame can be decoded" : decoded.last_error);
  return size;
}

}  // namespace framemill::media
