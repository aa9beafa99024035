#include "worker/frames/samples_digest.h"

#include <fmt/format.h>

#include "models/safetensors.h"

namespace framemill::frames {
std::string_view sample_type_name(SampleType type) {
  switch (type) {
    case SampleType::U8:
      return "u8";
    case SampleType::U16:
      return "u16";
    case SampleType::F16:
      return "f16";
    case SampleType::F32:
      return "f32";
  }
  FM_CHECK(false, "a sample type outside the enum");
}

std::size_t sample_size(SampleType type) {
  return type == SampleType::U8 ? 1 : type == SampleType::F32 ? 4 : 2;
}

base::Sha256 samples_digest(const ImageSamples& image) {
  base::Sha256Sum sum;
  sum.add(kSamplesFormat1);
  sum.add(fmt::format("image {} {} {} {}\n", image.width, image.height, image.channels.size(),
                      sample_type_name(image.type)));
  std::string names;
  for (const std::string& channel : image.channels) names += (names.empty() ? "" : " ") + channel;
  sum.add(names + "\n");
  sum.add(image.bytes);
  return sum.finish();
}

base::Result<base::Sha256> tensors_digest(std::string_view file_bytes) {
  FM_ASSIGN(const auto file, models::SafetensorsFile::parse(std::string(file_bytes)));
  base::Sha256Sum sum;
  sum.add(kSamplesFormat1);
  for (const auto& [name, tensor] : file.tensors()) {
    std::string line = fmt::format("tensor {} {}", name, models::dtype_name(tensor.dtype));
    for (std::int64_t extent : tensor.shape) line += fmt::format(" {}", extent);
    sum.add(line + "\n");
    sum.add(tensor.bytes);
  }
  return sum.finish();
}

}  // namespace framemill::frames
