#include "worker/frames/frame_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/safetensors.h"
#include "worker/frames/oiio.h"
#include "worker/frames/open_frame.h"

namespace framemill::frames {
namespace {

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

}  // namespace

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

}  // namespace framemill::frames
