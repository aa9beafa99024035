#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "jobs/attempt_error.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/open_frame.h"
#include "worker/frames/png_chunks.h"

namespace framemill::frames {
namespace {

constexpr std::uint64_t kPictureBytesMax = 2ull << 30;  // of the floats of one picture

// Reads the picture's channels over the whole data window: three floats a pixel.
base::Result<std::vector<float>> read_window(OpenFrame& frame, const PictureChannels& from,
                                             const OIIO::ImageSpec& spec) {
  std::vector<float> rgb(static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height) * 3);
  const OIIO::stride_t pixel = 3 * sizeof(float);
  if (from.g == from.r + 1 && from.b == from.g + 1) {
    FM_TRY(frame.read(from.part, from.r, from.b + 1, OIIO::TypeDesc::FLOAT, rgb.data(), pixel));
    return rgb;
  }
  const int channels[3] = {from.r, from.g, from.b};
  for (int c = 0; c < (from.is_grey() ? 1 : 3); ++c)
    FM_TRY(frame.read(from.part, channels[c], channels[c] + 1, OIIO::TypeDesc::FLOAT, rgb.data() + c, pixel));
  if (from.is_grey())
    for (std::size_t i = 0; i < rgb.size(); i += 3) rgb[i + 1] = rgb[i + 2] = rgb[i];
  return rgb;
}

// EXR stores premultiplied samples, PNG does not.
base::Status premultiply(OpenFrame& frame, int part, const OIIO::ImageSpec& spec, std::vector<float>& rgb) {
  if (frame.is_exr() || spec.alpha_channel < 0) return {};
  std::vector<float> alpha(rgb.size() / 3);
  FM_TRY(
      frame.read(part, spec.alpha_channel, spec.alpha_channel + 1, OIIO::TypeDesc::FLOAT, alpha.data(), sizeof(float)));
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] *= alpha[i / 3];
  return {};
}

// What of the data window lies inside the display window, on black.
std::vector<float> in_display_window(std::vector<float> data, const OIIO::ImageSpec& spec) {
  const int left = spec.x - spec.full_x, top = spec.y - spec.full_y;
  if (left == 0 && top == 0 && spec.width == spec.full_width && spec.height == spec.full_height) return data;
  std::vector<float> shown(static_cast<std::size_t>(spec.full_width) * static_cast<std::size_t>(spec.full_height) * 3);
  const int first = std::max(left, 0), last = std::min(left + spec.width, spec.full_width);
  if (first >= last) return shown;
  for (int y = std::max(top, 0); y < std::min(top + spec.height, spec.full_height); ++y) {
    const auto from = (static_cast<std::size_t>(y - top) * static_cast<std::size_t>(spec.width) +
                       static_cast<std::size_t>(first - left)) *
                      3;
    const auto to =
        (static_cast<std::size_t>(y) * static_cast<std::size_t>(spec.full_width) + static_cast<std::size_t>(first)) * 3;
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(from), (last - first) * 3,
                shown.begin() + static_cast<std::ptrdiff_t>(to));
  }
  return shown;
}

std::optional<jobs::FrameRate> rate_of(const OIIO::ImageSpec& spec) {
  const OIIO::ParamValue* rate = spec.find_attribute("FramesPerSecond");
  if (rate == nullptr || rate->type().basetype != OIIO::TypeDesc::INT || rate->type().basevalues() != 2)
    return std::nullopt;
  const int num = static_cast<const int*>(rate->data())[0], den = static_cast<const int*>(rate->data())[1];
  if (num < 1 || den < 1) return std::nullopt;
  const auto parsed = jobs::FrameRate::parse(fmt::format("{}/{}", num, den));
  return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

base::Status check_picture_bytes(const OIIO::ImageSpec& spec) {
  const auto bytes = [](int width, int height) {
    return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) * 3 * sizeof(float);
  };
  if (std::max(bytes(spec.width, spec.height), bytes(spec.full_width, spec.full_height)) <= kPictureBytesMax) return {};
  return base::error_of(jobs::AttemptError::FrameTooLarge,
                        fmt::format("a picture of {} x {} pixels (data window {} x {}) takes more than {} bytes",
                                    spec.full_width, spec.full_height, spec.width, spec.height, kPictureBytesMax));
}

}  // namespace

base::Result<DecodedFrame> decode_frame(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, OpenFrame::open(file_bytes));
  FM_ASSIGN(const PictureChannels chosen, choose_channels(frame->part_names()));
  const OIIO::ImageSpec& spec = frame->parts()[static_cast<std::size_t>(chosen.part)];
  FM_TRY(check_picture_bytes(spec));
  if (!frame->is_exr()) FM_TRY(check_png_is_whole(file_bytes));
  DecodedFrame decoded;
  decoded.picture.width = spec.full_width;
  decoded.picture.height = spec.full_height;
  decoded.picture.space = colour_space_from_name(spec.get_string_attribute(kColourSpaceAttribute))
                              .value_or(frame->is_exr() ? ColourSpace::LinearRec709 : ColourSpace::Srgb);
  for (const auto& attribute : spec.extra_attribs)
    if (attribute.name().string().starts_with(kAttributePrefix))
      decoded.attributes.emplace_back(attribute.name().string(), attribute.get_string());
  for (const int channel : {chosen.r, chosen.g, chosen.b})
    decoded.channels.push_back(spec.channelnames[static_cast<std::size_t>(channel)]);
  decoded.rate = rate_of(spec);
  FM_ASSIGN(std::vector<float> rgb, read_window(*frame, chosen, spec));
  FM_TRY(premultiply(*frame, chosen.part, spec, rgb));
  decoded.picture.rgb = in_display_window(std::move(rgb), spec);
  return decoded;
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

std::optional<std::string> find_not_finite(const DecodedFrame& frame) {
  const std::vector<float>& rgb = frame.picture.rgb;
  const auto bad = std::find_if(rgb.begin(), rgb.end(), [](float v) { return !std::isfinite(v); });
  if (bad == rgb.end()) return std::nullopt;
  const auto at = static_cast<std::size_t>(bad - rgb.begin());
  const std::size_t pixel = at / 3, width = static_cast<std::size_t>(frame.picture.width);
  return fmt::format("channel {} is {} at pixel {}, {}", frame.channels[at % 3],
                     std::isnan(*bad) ? "not a number (NaN)" : "infinite", pixel % width, pixel / width);
}

base::Result<ImageSamples> stored_samples(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, OpenFrame::open(file_bytes));
  const OIIO::ImageSpec& spec = frame->parts().front();
  ImageSamples samples{spec.width, spec.height, spec.channelnames, SampleType::F32, {}};
  OIIO::TypeDesc type = OIIO::TypeDesc::FLOAT;
  if (spec.format == OIIO::TypeDesc::UINT8) samples.type = SampleType::U8, type = spec.format;
  if (spec.format == OIIO::TypeDesc::UINT16) samples.type = SampleType::U16, type = spec.format;
  if (spec.format == OIIO::TypeDesc::HALF) samples.type = SampleType::F16, type = spec.format;
  const auto pixel = static_cast<std::size_t>(spec.nchannels) * sample_size(samples.type);
  samples.bytes.resize(static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height) * pixel);
  FM_TRY(frame->read(0, 0, spec.nchannels, type, samples.bytes.data(), static_cast<OIIO::stride_t>(pixel)));
  return samples;
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

}  // namespace framemill::frames
