// Opens simple frame files (frames/simple_frame.h) and nothing else. It never finds fault: a file that it cannot read, or
// that looks wrong, has to be opened by the LibraryReader, which decides.
#pragma once

#include "worker/media/file_reader.h"

namespace framemill::media {

class QuickReader : public FileReader {
 public:
  // Some file was not a simple one: what the check says counts for nothing, and the libraries are needed.
  bool gave_up() const { return gave_up_; }

  base::Result<frames::FrameFacts> frame_facts(const std::string& file_bytes) override;
  base::Result<base::Sha256> samples_digest(const std::string& file_bytes) override;
  base::Status check_frame_is_whole(const std::string& file_bytes) override;
  base::Result<ProbedSize> probe_picture(const std::filesystem::path& file, const std::string& ending) override;
  std::optional<ProbedSize> probe_picture_header(const std::filesystem::path& file, const std::string& ending) override;
  base::Result<ProbedSize> probe_movie(const std::filesystem::path& file) override;

 private:
  base::Error give_up();
  bool gave_up_ = false;
};

}  // namespace framemill::media
