#include "worker/frames/plate.h"

#include <fmt/format.h>

#include "base/digest_bytes.h"
#include "jobs/attempt_error.h"
#include "worker/frames/frame_file.h"

namespace framemill::frames {
namespace {

// The same finding, about an input: "frames.unreadable" becomes "input.unreadable".
base::Error about_input(base::Error error, const wire::InputFile& input) {
  using jobs::AttemptError;
  const auto found = jobs::attempt_error_from_code(error.code);
  if (found == AttemptError::FrameUnreadable) error.code = text_of(AttemptError::InputUnreadable);
  if (found == AttemptError::FrameTooLarge) error.code = text_of(AttemptError::InputTooLarge);
  if (found == AttemptError::FrameChannels) error.code = text_of(AttemptError::InputChannels);
  return error.wrapped(plate_label(input));
}

}  // namespace

base::Result<Plate> read_plate(const Roots& roots, const wire::InputFile& input) {
  const auto bytes = roots.read(input, kFrameFileBytesMax);
  if (!bytes.ok()) return bytes.error().wrapped(frame_label(input));  // the message names root and path
  auto decoded = decode_frame(*bytes);
  if (!decoded.ok()) return about_input(decoded.error(), input);
  if (const auto found = find_not_finite(*decoded))
    return about_input(base::error_of(jobs::AttemptError::InputNan, *found, "", "render that frame again"), input);
  Plate plate{std::move(decoded->picture), decoded->rate, input};
  plate.read.set_size_bytes(bytes->size());
  plate.read.set_sha256(base::raw_bytes(base::sha256(*bytes)));
  return plate;
}

base::Status check_plate_size(const Picture& picture, const wire::InputFile& input, ExpectedSize expected,
                              const wire::InputFile& first) {
  if (picture.width == expected.width && picture.height == expected.height) return {};
  return base::error_of(jobs::AttemptError::InputSize,
                        fmt::format("{} is {} x {} pixels; {} is {} x {}", plate_label(input), picture.width,
                                    picture.height, plate_label(first), expected.width, expected.height),
                        "", "make all frames of the input of one size");
}

}  // namespace framemill::frames
