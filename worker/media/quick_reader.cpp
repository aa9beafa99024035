#include "worker/media/quick_reader.h"

#include "worker/frames/frame_format.h"
#include "worker/frames/png_chunks.h"
#include "worker/frames/simple_frame.h"

namespace framemill::media {

base::Error QuickReader::give_up() {
  gave_up_ = true;
  return frames::unreadable_frame("not a simple frame file");
}

base::Result<frames::FrameFacts> QuickReader::frame_facts(const std::string& file_bytes) {
  auto facts = frames::simple_frame_facts(file_bytes);
  if (!facts) return give_up();
  return *std::move(facts);
}

base::Result<base::Sha256> QuickReader::samples_digest(const std::string& file_bytes) {
  const auto digest = frames::simple_samples_digest(file_bytes);
  if (!digest) return give_up();
  return *digest;
}

base::Status QuickReader::check_frame_is_whole(const std::string& file_bytes) {
  FM_TRY(frame_facts(file_bytes));
  // Of an EXR, whose table of offsets says little, all samples are read.
  if (frames::is_exr(file_bytes)) {
    FM_TRY(samples_digest(file_bytes));
    return {};
  }
  if (!frames::check_png_is_whole(file_bytes).ok()) return give_up();
  return {};
}

base::Result<ProbedSize> QuickReader::probe_picture(const std::filesystem::path&, const std::string&) {
  return give_up();
}
std::optional<ProbedSize> QuickReader::probe_picture_header(const std::filesystem::path&, const std::string&) {
  (void)give_up();
  return std::nullopt;
}
base::Result<ProbedSize> QuickReader::probe_movie(const std::filesystem::path&) {
  return give_up();
}

}  // namespace framemill::media
