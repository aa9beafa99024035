// Picture sizes as people write them: "1920x1080".
#include <fmt/format.h>

#include <charconv>

#include "jobs/spec_draft.h"

namespace framemill::jobs {

std::string PictureSize::text() const {
  return fmt::format("{}x{}", width, height);
}

std::optional<PictureSize> read_picture_size(SpecTable& table) {
  const auto text = table.text("size", TextRule::Line);
  if (!text) return std::nullopt;
  PictureSize size;
  const char* end = text->data() + text->size();
  const auto width = std::from_chars(text->data(), end, size.width);
  const bool crossed = width.ec == std::errc() && width.ptr != end && (*width.ptr == 'x' || *width.ptr == 'X');
  const auto height = crossed ? std::from_chars(width.ptr + 1, end, size.height) : width;
  const auto fits = [](std::int32_t extent) { return extent >= 1 && extent <= 16'384; };
  if (crossed && height.ec == std::errc() && height.ptr == end && fits(size.width) && fits(size.height)) return size;
  table.fail("size", "bad_size", fmt::format("\"{}\" is not a picture size", printable(*text)),
             "\"WIDTHxHEIGHT\" in pixels, as in \"1920x1080\", up to 16384 each way");
  return std::nullopt;
}

}  // namespace framemill::jobs
