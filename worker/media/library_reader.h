// Opens files with OpenImageIO and ffmpeg's programs: every format that the farm knows.
#pragma once

#include "worker/media/file_reader.h"

namespace framemill::media {

class LibraryReader : public FileReader {
 public:
  base::Result<frames::FrameFacts> frame_facts(const std::string& file_bytes) override;
  base::Result<base::Sha256> samples_digest(const std::string& file_bytes) override;
  base::Status check_frame_is_whole(const std::string& file_bytes) override;
  base::Result<ProbedSize> probe_picture(const std::filesystem::path& file, const std::string& ending) override;
  std::optional<ProbedSize> probe_picture_header(const std::filesystem::path& file, const std::string& ending) override;
  base::Result<ProbedSize> probe_movie(const std::filesystem::path& file) override;
};

}  // namespace framemill::media
