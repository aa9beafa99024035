#include "worker/frames/file_digests.h"

#include <fmt/format.h>

#include <exception>
#include <string_view>
#include <vector>

#include "worker/frames/frame_file.h"
#include "worker/frames/open_frame.h"
#include "worker/frames/samples_digest.h"

namespace framemill::frames {
namespace {

// A safetensors file begins with the length of its header and the header's brace.
bool looks_like_tensors(std::string_view bytes) {
  return bytes.size() > 9 && bytes[8] == '{' && bytes.substr(3, 5) == std::string_view("\0\0\0\0\0", 5);
}

std::string_view stored_type_name(OIIO::TypeDesc type) {
  if (type == OIIO::TypeDesc::UINT8) return "u8";
  if (type == OIIO::TypeDesc::UINT16) return "u16";
  if (type == OIIO::TypeDesc::UINT32) return "u32";
  return type == OIIO::TypeDesc::HALF ? "f16" : "f32";
}

// One part, one type of sample, one of the four types: what version 1 can say.
bool fits_version_1(const std::vector<OIIO::ImageSpec>& parts) {
  const OIIO::ImageSpec& spec = parts.front();
  return parts.size() == 1 && !spec.deep && spec.channelformats.empty() && spec.format != OIIO::TypeDesc::UINT32;
}

std::string version_1_head(const OIIO::ImageSpec& spec) {
  std::string head = fmt::format("{}image {} {} {} {}\n", kSamplesFormat1, spec.width, spec.height, spec.nchannels,
                                 stored_type_name(spec.format));
  for (int c = 0; c < spec.nchannels; ++c) head += (c == 0 ? "" : " ") + spec.channelnames[static_cast<std::size_t>(c)];
  return head + "\n";
}

std::string version_2_head(const OIIO::ImageSpec& spec) {
  std::string head = fmt::format("part {} {} {} {} {}{}\n", spec.width, spec.height, spec.x - spec.full_x,
                                 spec.y - spec.full_y, spec.nchannels, spec.deep ? " deep" : "");
  for (int c = 0; c < spec.nchannels; ++c)
    head += fmt::format("channel {} {}\n", stored_type_name(spec.channelformat(c)),
                        spec.channelnames[static_cast<std::size_t>(c)]);
  return head;
}

base::Result<base::Sha256> image_digest(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, OpenFrame::open(file_bytes));
  base::Sha256Sum sum;
  const auto add = [&sum](std::string_view rows) { sum.add(rows); };
  const bool first_version = fits_version_1(frame->parts());
  if (!first_version) sum.add(kSamplesFormat2);
  for (std::size_t part = 0; part < frame->parts().size(); ++part) {
    const OIIO::ImageSpec& spec = frame->parts()[part];
    sum.add(first_version ? version_1_head(spec) : version_2_head(spec));
    FM_TRY(spec.deep ? frame->read_deep(static_cast<int>(part), add) : frame->read_stored(static_cast<int>(part), add));
  }
  return sum.finish();
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

}  // namespace

base::Result<base::Sha256> samples_digest_of_frame(const std::string& file_bytes) {
  return image_digest(file_bytes);
}

base::Result<FileDigests> digest_of_bytes(const std::string& file_bytes) {
  FileDigests digests;
  digests.size_bytes = file_bytes.size();
  digests.bytes = base::sha256(file_bytes);
  if (looks_like_frame(file_bytes)) {
    FM_ASSIGN(digests.samples, image_digest(file_bytes));
    digests.has_samples = true;
  } else if (looks_like_tensors(file_bytes)) {
    FM_ASSIGN(digests.samples, tensors_digest(file_bytes));
    digests.has_samples = true;
  }
  return digests;
}

}  // namespace framemill::frames
