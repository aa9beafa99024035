#include "worker/frames/png_decoding.h"

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "worker/frames/frame_format.h"

namespace framemill::frames {
namespace {

constexpr std::size_t kAroundData = 12;  // length, type and checksum of a chunk
constexpr std::size_t kHeaderData = 13;
constexpr std::uint64_t kSampleBytesMax = 1ull << 30;

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::vector<std::string> channels_of(unsigned colour_type) {
  switch (colour_type) {
    case PNG_COLOR_TYPE_GRAY:
      return {"Y"};
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return {"Y", "A"};
    case PNG_COLOR_TYPE_RGB:
      return {"R", "G", "B"};
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return {"R", "G", "B", "A"};
    default:
      return {};
  }
}

// What libpng reads from; its errors end in a jump to where `jump` was set.
struct Source {
  std::string_view left;
  std::jmp_buf jump;
};

void on_error(png_structp png, png_const_charp) {
  std::longjmp(static_cast<Source*>(png_get_error_ptr(png))->jump, 1);
}
void on_warning(png_structp, png_const_charp) {}
void take(png_structp png, png_bytep to, std::size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (count > source.left.size()) png_error(png, "cut");
  std::memcpy(to, source.left.data(), count);
  source.left.remove_prefix(count);
}

// Nothing in here has a destructor: libpng's errors jump out of it.
bool read_rows(png_structp png, png_infop info, Source& source, char* rows, std::size_t row_bytes, int height) {
  if (setjmp(source.jump) != 0) return false;
  png_set_read_fn(png, &source, take);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_QUIET_USE);
  png_read_info(png, info);
  if (std::endian::native == std::endian::little) png_set_swap(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != row_bytes) return false;
  for (int y = 0; y < height; ++y)
    png_read_row(png, reinterpret_cast<png_bytep>(rows + row_bytes * static_cast<std::size_t>(y)), nullptr);
  png_read_end(png, nullptr);
  return true;
}

}  // namespace

std::optional<PngHeader> read_png_header(const std::string& file_bytes) {
  std::string_view left = file_bytes;
  if (!left.starts_with(kPngMagic)) return std::nullopt;
  left.remove_prefix(kPngMagic.size());
  PngHeader header;
  while (left.size() >= kAroundData) {
    const std::size_t length = big_endian(left.data());
    const std::string_view type = left.substr(4, 4);
    if (type == "IDAT") return header.channels.empty() ? std::nullopt : std::optional(header);
    if (length > left.size() - kAroundData) return std::nullopt;
    // A palette, a transparent colour or an offset changes what the samples are.
    if (type == "PLTE" || type == "tRNS") return std::nullopt;
    if (type == "oFFs" && (length < 8 || big_endian(left.data() + 8) != 0 || big_endian(left.data() + 12) != 0))
      return std::nullopt;
    if (type == "IHDR") {
      const char* data = left.data() + 8;
      const int bits = data[8], interlace = data[12];
      if (length != kHeaderData || (bits != 8 && bits != 16) || interlace != PNG_INTERLACE_NONE) return std::nullopt;
      if (big_endian(data) > kFrameExtentMax || big_endian(data + 4) > kFrameExtentMax) return std::nullopt;
      header = {static_cast<int>(big_endian(data)), static_cast<int>(big_endian(data + 4)), bits,
                channels_of(static_cast<unsigned char>(data[9]))};
    }
    left.remove_prefix(length + kAroundData);
  }
  return std::nullopt;
}

std::optional<ImageSamples> decode_png(const std::string& file_bytes, const PngHeader& header) {
  const SampleType type = header.bits == 8 ? SampleType::U8 : SampleType::U16;
  ImageSamples image{header.width, header.height, header.channels, type, {}};
  const std::size_t row_bytes = static_cast<std::size_t>(header.width) * header.channels.size() * sample_size(type);
  const std::uint64_t all = std::uint64_t{row_bytes} * static_cast<std::uint64_t>(header.height);
  if (all > kSampleBytesMax) return std::nullopt;
  image.bytes.resize(all);
  Source source{file_bytes, {}};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const bool read = info != nullptr && read_rows(png, info, source, image.bytes.data(), row_bytes, header.height);
  png_destroy_read_struct(&png, &info, nullptr);
  return read ? std::optional(std::move(image)) : std::nullopt;
}

}  // namespace framemill::frames
