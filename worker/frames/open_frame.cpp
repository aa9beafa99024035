#include "worker/frames/open_frame.h"

#include <OpenImageIO/deepdata.h>
#include <fmt/format.h>

#include <algorithm>

#include "jobs/attempt_error.h"

namespace framemill::frames {
namespace {

constexpr int kPartsMax = 256;
constexpr int kBandRows = 64;

base::Error too_large(std::string what) {
  return base::error_of(jobs::AttemptError::FrameTooLarge, std::move(what));
}

// What a header claims, before anything is allocated for it.
base::Status check_extents(const OIIO::ImageSpec& spec) {
  if (spec.width < 1 || spec.height < 1 || spec.full_width < 1 || spec.full_height < 1 || spec.nchannels < 1)
    return unreadable_frame(
        fmt::format("a picture of {} x {} pixels with {} channels", spec.full_width, spec.full_height, spec.nchannels));
  if (spec.full_width > kFrameExtentMax || spec.full_height > kFrameExtentMax)
    return too_large(
        fmt::format("{} x {} pixels; the limit is {} each way", spec.full_width, spec.full_height, kFrameExtentMax));
  if (spec.depth > 1) return unreadable_frame("a volume, not a picture");
  const auto pixels = static_cast<std::uint64_t>(spec.width) * static_cast<std::uint64_t>(spec.height);
  const std::uint64_t pixel_bytes = std::max<std::uint64_t>(spec.pixel_bytes(true), 1);
  if (pixels > kFrameSampleBytesMax / pixel_bytes)
    return too_large(fmt::format("{} x {} pixels of {} channels are more than {} bytes of samples", spec.width,
                                 spec.height, spec.nchannels, kFrameSampleBytesMax));
  return {};
}

}  // namespace

// Each process here has its own threads and its own share of the cores, and the library's debug prints (one per EXR
// written without a date) are noise.
void prepare_library() {
  static const bool done = [] {
    OIIO::attribute("threads", 1);
    OIIO::attribute("exr_threads", -1);
    OIIO::attribute("debug", 0);
    return true;
  }();
  (void)done;
}

base::Error OpenFrame::unreadable() const {
  std::string reason = input_ ? input_->geterror() : OIIO::geterror();
  // The library knows the file by the name that open() gave it.
  for (const std::string_view name : {" from image file \"frame.exr\"", " image file \"frame.exr\"", " \"frame.exr\""})
    if (const std::size_t at = reason.find(name); at != std::string::npos) reason.erase(at, name.size());
  return unreadable_frame(reason.empty() ? "the file is damaged" : std::move(reason));
}

base::Result<std::unique_ptr<OpenFrame>> OpenFrame::open(const std::string& bytes) {
  prepare_library();
  if (!looks_like_frame(bytes)) return unreadable_frame("neither an EXR nor a PNG file");
  if (bytes.size() > kFrameFileBytesMax)
    return too_large(fmt::format("a frame file of {} bytes; the limit is {}", bytes.size(), kFrameFileBytesMax));
  std::unique_ptr<OpenFrame> frame(new OpenFrame(bytes));
  frame->exr_ = bytes.starts_with(kExrMagic);
  const std::string name = frame->exr_ ? "frame.exr" : "frame.png";
  // Samples as they are stored: the picture is made of them here, and the digest is about them.
  OIIO::ImageSpec config;
  config.attribute("oiio:UnassociatedAlpha", 1);
  OIIO::Filesystem::IOProxy* memory = &frame->memory_;
  config.attribute("oiio:ioproxy", OIIO::TypeDesc::PTR, static_cast<void*>(&memory));
  frame->input_ = OIIO::ImageInput::create(name, false, &config, &frame->memory_);
  if (!frame->input_) return frame->unreadable();
  OIIO::ImageSpec spec;
  if (!frame->input_->open(name, spec, config)) return frame->unreadable();
  for (int part = 0; part < kPartsMax && frame->input_->seek_subimage(part, 0); ++part) {
    FM_TRY(check_extents(frame->input_->spec()));
    frame->parts_.push_back(frame->input_->spec());
  }
  (void)frame->input_->geterror();  // how the library says that there are no more parts
  if (frame->parts_.empty()) return frame->unreadable();
  return frame;
}

std::vector<FramePart> OpenFrame::part_names() const {
  std::vector<FramePart> names;
  for (const OIIO::ImageSpec& part : parts_)
    names.push_back({std::string(part.get_string_attribute("oiio:subimagename")), part.channelnames});
  return names;
}

base::Status OpenFrame::read(int part, int begin, int end, OIIO::TypeDesc type, void* to, OIIO::stride_t pixel_bytes) {
  if (parts_[static_cast<std::size_t>(part)].deep) return unreadable_frame("deep samples are not a picture");
  if (!input_->read_image(part, 0, begin, end, type, to, pixel_bytes)) return unreadable();
  return {};
}

base::Status OpenFrame::read_band(int part, int from, int to, std::string& band) {
  const OIIO::ImageSpec& spec = parts_[static_cast<std::size_t>(part)];
  const std::size_t row_bytes = static_cast<std::size_t>(spec.width) * spec.pixel_bytes(true);
  band.resize(row_bytes * static_cast<std::size_t>(to - from));
  const OIIO::TypeDesc stored = OIIO::TypeDesc::UNKNOWN;
  const bool read = spec.tile_width > 0
                        ? input_->read_tiles(part, 0, spec.x, spec.x + spec.width, from, to, 0, 1, 0, spec.nchannels,
                                             stored, band.data())
                        : input_->read_scanlines(part, 0, from, to, 0, 0, spec.nchannels, stored, band.data());
  return read ? base::Status{} : unreadable();
}

base::Status OpenFrame::read_stored(int part, const std::function<void(std::string_view)>& on_rows) {
  const OIIO::ImageSpec& spec = parts_[static_cast<std::size_t>(part)];
  const int rows = spec.tile_width > 0 ? spec.tile_height : kBandRows;
  std::string band;
  for (int y = spec.y; y < spec.y + spec.height; y += rows) {
    FM_TRY(read_band(part, y, std::min(y + rows, spec.y + spec.height), band));
    on_rows(band);
  }
  return {};
}

base::Status OpenFrame::read_last_rows(int part) {
  const OIIO::ImageSpec& spec = parts_[static_cast<std::size_t>(part)];
  const int rows = spec.tile_width > 0 ? spec.tile_height : 1;
  std::string band;
  return read_band(part, spec.y + (spec.height - 1) / rows * rows, spec.y + spec.height, band);
}

base::Status OpenFrame::read_deep(int part, const std::function<void(std::string_view)>& on_bytes) {
  const OIIO::ImageSpec& spec = parts_[static_cast<std::size_t>(part)];
  OIIO::DeepData deep;
  if (!input_->read_native_deep_image(part, 0, deep)) return unreadable();
  const auto bytes = [](const auto* from, std::size_t count) {
    return std::string_view(reinterpret_cast<const char*>(from), count * sizeof *from);
  };
  std::vector<std::uint32_t> counts;
  for (const unsigned count : deep.all_samples()) counts.push_back(count);
  on_bytes(bytes(counts.data(), counts.size()));
  std::string sample;
  for (std::int64_t pixel = 0; pixel < deep.pixels(); ++pixel) {
    for (int s = 0; s < deep.samples(pixel); ++s) {
      sample.clear();
      for (int c = 0; c < spec.nchannels; ++c)
        sample.append(static_cast<const char*>(deep.data_ptr(pixel, c, s)), deep.channelsize(c));
      on_bytes(sample);
    }
  }
  return {};
}

}  // namespace framemill::frames
