#include "worker/media/library_reader.h"

#include "worker/frames/file_digests.h"
#include "worker/media/picture_probe.h"

namespace framemill::media {

base::Result<frames::FrameFacts> LibraryReader::frame_facts(const std::string& file_bytes) {
  return frames::frame_facts(file_bytes);
}
base::Result<base::Sha256> LibraryReader::samples_digest(const std::string& file_bytes) {
  return frames::samples_digest_of_frame(file_bytes);
}
base::Status LibraryReader::check_frame_is_whole(const std::string& file_bytes) {
  return frames::check_frame_is_whole(file_bytes);
}
base::Result<ProbedSize> LibraryReader::probe_picture(const std::filesystem::path& file, const std::string& ending) {
  return media::probe_picture(file, ending);
}
std::optional<ProbedSize> LibraryReader::probe_picture_header(const std::filesystem::path& file,
                                                              const std::string& ending) {
  return media::probe_picture_header(file, ending);
}
base::Result<ProbedSize> LibraryReader::probe_movie(const std::filesystem::path& file) {
  return media::probe_movie(file);
}

}  // namespace framemill::media
