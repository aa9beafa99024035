#include "worker/frames/frame_file.h"

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/safetensors.h"

namespace framemill::frames {
namespace {

constexpr std::string_view kAttributePrefix = "framemill:";
constexpr std::string_view kExrMagic{"\x76\x2f\x31\x01", 4};
constexpr std::string_view kPngMagic{"\x89PNG\r\n\x1a\n", 8};
constexpr const char* kColourSpaceAttribute = "framemill:colour_space";

base::Error unreadable(std::string reason) {
  return {"frames.unreadable", std::move(reason), "", ""};
}

// Set once, before the library is used: each process here has its own threads and its own share of the cores, and the
// library's debug prints (one per EXR written without a date) are noise.
void prepare_library() {
  static const bool done = [] {
    OIIO::attribute("threads", 1);
    OIIO::attribute("exr_threads", -1);
    OIIO::attribute("debug", 0);
    return true;
  }();
  (void)done;
}

// Rec.709 primaries and D65, as EXR's chromaticities attribute.
constexpr float kRec709[8] = {0.64f, 0.33f, 0.30f, 0.60f, 0.15f, 0.06f, 0.3127f, 0.3290f};

std::string quantised(const Picture& picture, jobs::FrameFormat format) {
  std::string bytes;
  if (format == jobs::FrameFormat::Png) {
    bytes.reserve(picture.rgb.size());
    for (float v : picture.rgb) bytes.push_back(static_cast<char>(std::lround(std::clamp(v, 0.0f, 1.0f) * 255.0f)));
  } else {
    bytes.reserve(picture.rgb.size() * 2);
    for (float v : picture.rgb) {
      const std::uint16_t half = models::half_from_float(v);
      bytes.push_back(static_cast<char>(half & 0xff));
      bytes.push_back(static_cast<char>(half >> 8));
    }
  }
  return bytes;
}

OIIO::ImageSpec spec_of(const Picture& picture, jobs::FrameFormat format, const Attributes& attributes) {
  const bool exr = format == jobs::FrameFormat::Exr;
  OIIO::ImageSpec spec(picture.width, picture.height, 3, exr ? OIIO::TypeDesc::HALF : OIIO::TypeDesc::UINT8);
  for (const auto& [name, value] : attributes) spec.attribute(name, value);
  spec.attribute(kColourSpaceAttribute, std::string(colour_space_name(picture.space)));
  if (exr) {
    spec.attribute("compression", "zip");
    spec.attribute("oiio:ColorSpace", "Linear");
    spec.attribute("chromaticities", OIIO::TypeDesc(OIIO::TypeDesc::FLOAT, 8), kRec709);
    // The writer adds the time of day when no DateTime is there, and drops one that is not a string.
    spec.attribute("DateTime", 0);
  } else {
    spec.attribute("oiio:ColorSpace", "sRGB");
    spec.attribute("png:compressionLevel", 6);
  }
  return spec;
}

struct OpenFrame {
  OIIO::Filesystem::IOMemReader memory;
  std::unique_ptr<OIIO::ImageInput> input;
  explicit OpenFrame(const std::string& bytes) : memory(bytes.data(), bytes.size()) {}
};

base::Result<std::unique_ptr<OpenFrame>> open_frame(const std::string& bytes) {
  prepare_library();
  if (!looks_like_frame(bytes)) return unreadable("neither an EXR nor a PNG file");
  if (bytes.size() > kFrameFileBytesMax)
    return base::Error{"frames.too_large",
                       fmt::format("a frame file of {} bytes; the limit is {}", bytes.size(), kFrameFileBytesMax), "",
                       ""};
  auto frame = std::make_unique<OpenFrame>(bytes);
  const std::string name = bytes.starts_with(kExrMagic) ? "frame.exr" : "frame.png";
  frame->input = OIIO::ImageInput::create(name, false, nullptr, &frame->memory);
  if (!frame->input) return unreadable(OIIO::geterror());
  frame->input->set_ioproxy(&frame->memory);
  OIIO::ImageSpec spec;
  if (!frame->input->open(name, spec)) return unreadable(frame->input->geterror());
  if (spec.width < 1 || spec.height < 1 || spec.width > kFrameExtentMax || spec.height > kFrameExtentMax ||
      spec.nchannels < 1 || spec.nchannels > 16)
    return base::Error{"frames.too_large",
                       fmt::format("{} x {} pixels with {} channels; the limits are {} each way and 16 channels",
                                   spec.width, spec.height, spec.nchannels, kFrameExtentMax),
                       "", ""};
  return frame;
}

}  // namespace

bool looks_like_frame(std::string_view bytes) {
  return bytes.starts_with(kExrMagic) || bytes.starts_with(kPngMagic);
}

base::Result<EncodedFrame> encode_frame(const Picture& picture, jobs::FrameFormat format,
                                        const Attributes& attributes) try {
  prepare_library();
  FM_CHECK(picture.consistent(), "a picture that does not match its size");
  const bool exr = format == jobs::FrameFormat::Exr;
  Picture shown = picture;
  if (shown.space == ColourSpace::Srgb)
    for (float& v : shown.rgb) v = std::clamp(v, 0.0f, 1.0f);
  shown = in_space(std::move(shown), exr ? ColourSpace::LinearRec709 : ColourSpace::Srgb);

  ImageSamples samples{shown.width, shown.height, {"R", "G", "B"}, exr ? SampleType::F16 : SampleType::U8, {}};
  samples.bytes = quantised(shown, format);

  const OIIO::ImageSpec spec = spec_of(shown, format, attributes);
  std::vector<unsigned char> buffer;
  OIIO::Filesystem::IOVecOutput memory(buffer);
  const std::string name = exr ? "frame.exr" : "frame.png";
  const auto output = OIIO::ImageOutput::create(name, &memory);
  if (!output || !output->set_ioproxy(&memory)) return base::Error{"frames.encode", OIIO::geterror(), "", ""};
  if (!output->open(name, spec) || !output->write_image(spec.format, samples.bytes.data()) || !output->close())
    return base::Error{"frames.encode", output->geterror(), "", ""};

  EncodedFrame frame;
  frame.bytes.assign(buffer.begin(), buffer.end());
  frame.sha256 = base::sha256(frame.bytes);
  frame.samples_sha256 = samples_digest(samples);
  return frame;
} catch (const std::exception& error) {
  return base::Error{"frames.encode", error.what(), "", ""};
}

base::Result<DecodedFrame> decode_frame(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, open_frame(file_bytes));
  const OIIO::ImageSpec& spec = frame->input->spec();
  DecodedFrame decoded;
  decoded.picture.width = spec.width;
  decoded.picture.height = spec.height;
  const bool exr = file_bytes.starts_with(kExrMagic);
  decoded.picture.space = colour_space_from_name(spec.get_string_attribute(kColourSpaceAttribute))
                              .value_or(exr ? ColourSpace::LinearRec709 : ColourSpace::Srgb);
  for (const auto& attribute : spec.extra_attribs)
    if (attribute.name().string().starts_with(kAttributePrefix))
      decoded.attributes.emplace_back(attribute.name().string(), attribute.get_string());

  const auto channels = static_cast<std::size_t>(spec.nchannels);
  std::vector<float> values(static_cast<std::size_t>(spec.width) * spec.height * channels);
  if (!frame->input->read_image(0, 0, 0, spec.nchannels, OIIO::TypeDesc::FLOAT, values.data()))
    return unreadable(frame->input->geterror());
  if (channels == 3) {
    decoded.picture.rgb = std::move(values);
    return decoded;
  }
  // Grey pictures become RGB, alpha and further channels are left out.
  decoded.picture.rgb.resize(decoded.picture.sample_count());
  for (std::size_t pixel = 0; pixel < values.size() / channels; ++pixel)
    for (std::size_t c = 0; c < 3; ++c)
      decoded.picture.rgb[pixel * 3 + c] = values[pixel * channels + (channels < 3 ? 0 : c)];
  return decoded;
} catch (const std::exception& error) {
  return unreadable(error.what());
}

base::Result<ImageSamples> stored_samples(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, open_frame(file_bytes));
  const OIIO::ImageSpec& spec = frame->input->spec();
  ImageSamples samples{spec.width, spec.height, spec.channelnames, SampleType::F32, {}};
  OIIO::TypeDesc type = OIIO::TypeDesc::FLOAT;
  if (spec.format == OIIO::TypeDesc::UINT8) samples.type = SampleType::U8, type = spec.format;
  if (spec.format == OIIO::TypeDesc::UINT16) samples.type = SampleType::U16, type = spec.format;
  if (spec.format == OIIO::TypeDesc::HALF) samples.type = SampleType::F16, type = spec.format;
  samples.bytes.resize(static_cast<std::size_t>(spec.width) * spec.height * spec.nchannels * sample_size(samples.type));
  if (!frame->input->read_image(0, 0, 0, spec.nchannels, type, samples.bytes.data()))
    return unreadable(frame->input->geterror());
  return samples;
} catch (const std::exception& error) {
  return unreadable(error.what());
}

}  // namespace framemill::frames
