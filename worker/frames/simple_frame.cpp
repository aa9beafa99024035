#include "worker/frames/simple_frame.h"

#include <OpenEXR/ImfChannelList.h>
#include <OpenEXR/ImfFrameBuffer.h>
#include <OpenEXR/ImfHeader.h>
#include <OpenEXR/ImfInputFile.h>
#include <OpenEXR/ImfVersion.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "worker/frames/exr_memory.h"
#include "worker/frames/frame_format.h"
#include "worker/frames/picture_channels.h"
#include "worker/frames/png_decoding.h"
#include "worker/frames/samples_digest.h"

namespace framemill::frames {
namespace {

constexpr std::uint64_t kSimpleBytesMax = 1ull << 30;  // of samples, which are all in memory at once

FrameFacts facts_of(int width, int height, const std::vector<std::string>& channels) {
  FrameFacts facts{width, height, {}, false, false};
  if (const auto chosen = choose_channels({{"", channels}}); chosen.ok()) {
    facts.has_picture = true;
    facts.is_grey = chosen->is_grey();
  }
  for (const std::string& channel : channels) facts.channels += (facts.channels.empty() ? "" : " ") + channel;
  return facts;
}

bool is_extent(int pixels) {
  return pixels >= 1 && pixels <= kFrameExtentMax;
}

// What an EXR's header says, where it is simple.
struct SimpleExr {
  std::vector<std::string> channels;  // in the order of the digest
  Imf::PixelType type = Imf::HALF;
  Imath::Box2i data, display;

  int width() const { return data.max.x - data.min.x + 1; }
  int height() const { return data.max.y - data.min.y + 1; }
  int display_width() const { return display.max.x - display.min.x + 1; }
  int display_height() const { return display.max.y - display.min.y + 1; }
  std::size_t sample_bytes() const { return type == Imf::HALF ? 2 : 4; }
};

// The channels in the order in which OpenImageIO has them; empty: others than those.
std::vector<std::string> simple_channels(const Imf::ChannelList& list) {
  std::vector<std::string> names;
  for (auto channel = list.begin(); channel != list.end(); ++channel) names.emplace_back(channel.name());
  std::sort(names.begin(), names.end());
  if (names == std::vector<std::string>{"B", "G", "R"}) return {"R", "G", "B"};
  if (names == std::vector<std::string>{"A", "B", "G", "R"}) return {"R", "G", "B", "A"};
  if (names == std::vector<std::string>{"Y"}) return names;
  return {};
}

std::optional<SimpleExr> simple_exr(const Imf::InputFile& file) {
  if (Imf::isMultiPart(file.version()) || Imf::isNonImage(file.version())) return std::nullopt;
  const Imf::Header& header = file.header();
  SimpleExr exr{simple_channels(header.channels()), Imf::HALF, header.dataWindow(), header.displayWindow()};
  if (exr.channels.empty()) return std::nullopt;
  exr.type = header.channels().begin().channel().type;
  if (exr.type != Imf::HALF && exr.type != Imf::FLOAT) return std::nullopt;
  for (auto channel = header.channels().begin(); channel != header.channels().end(); ++channel)
    if (channel.channel().type != exr.type || channel.channel().xSampling != 1 || channel.channel().ySampling != 1)
      return std::nullopt;
  if (header.hasTileDescription() && header.tileDescription().mode != Imf::ONE_LEVEL) return std::nullopt;
  constexpr int kFarAway = 1 << 24;  // a window there is not simple, and its extent would not fit an int
  for (const int edge : {exr.data.min.x, exr.data.min.y, exr.data.max.x, exr.data.max.y, exr.display.min.x,
                         exr.display.min.y, exr.display.max.x, exr.display.max.y})
    if (edge < -kFarAway || edge > kFarAway) return std::nullopt;
  if (!is_extent(exr.display_width()) || !is_extent(exr.display_height()) || exr.width() < 1 || exr.height() < 1)
    return std::nullopt;
  const auto samples = static_cast<std::uint64_t>(exr.width()) * static_cast<std::uint64_t>(exr.height()) *
                       exr.channels.size() * exr.sample_bytes();
  if (samples > kSimpleBytesMax) return std::nullopt;
  return exr;
}

ImageSamples samples_of(Imf::InputFile& file, const SimpleExr& exr) {
  ImageSamples image{
      exr.width(), exr.height(), exr.channels, exr.type == Imf::HALF ? SampleType::F16 : SampleType::F32, {}};
  const std::size_t pixel = exr.channels.size() * exr.sample_bytes();
  const std::size_t row = pixel * static_cast<std::size_t>(exr.width());
  image.bytes.resize(row * static_cast<std::size_t>(exr.height()));
  Imf::FrameBuffer buffer;
  for (std::size_t c = 0; c < exr.channels.size(); ++c)
    buffer.insert(exr.channels[c],
                  Imf::Slice::Make(exr.type, image.bytes.data() + c * exr.sample_bytes(), exr.data, pixel, row));
  file.setFrameBuffer(buffer);
  file.readPixels(exr.data.min.y, exr.data.max.y);
  return image;
}

}  // namespace

std::optional<FrameFacts> simple_frame_facts(const std::string& file_bytes) try {
  if (!is_exr(file_bytes)) {
    const auto png = read_png_header(file_bytes);
    if (!png || !is_extent(png->width) || !is_extent(png->height)) return std::nullopt;
    return facts_of(png->width, png->height, png->channels);
  }
  ExrMemory memory(file_bytes);
  const Imf::InputFile file(memory, 0);
  const auto exr = simple_exr(file);
  if (!exr) return std::nullopt;
  return facts_of(exr->display_width(), exr->display_height(), exr->channels);
} catch (const std::exception&) {
  return std::nullopt;
}

std::optional<base::Sha256> simple_samples_digest(const std::string& file_bytes) try {
  if (!is_exr(file_bytes)) {
    const auto png = read_png_header(file_bytes);
    if (!png || !is_extent(png->width) || !is_extent(png->height)) return std::nullopt;
    const auto image = decode_png(file_bytes, *png);
    if (!image) return std::nullopt;
    return samples_digest(*image);
  }
  ExrMemory memory(file_bytes);
  Imf::InputFile file(memory, 0);
  const auto exr = simple_exr(file);
  if (!exr || !file.isComplete()) return std::nullopt;
  return samples_digest(samples_of(file, *exr));
} catch (const std::exception&) {
  return std::nullopt;
}

}  // namespace framemill::frames
