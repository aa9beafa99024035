// How the check of a program's output (output_check.h) opens files. There are two ways: with the libraries that know
// every format, and a quick one that knows the files that most programs write and says so when it met another.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/sha256.h"
#include "worker/frames/frame_facts.h"

namespace framemill::media {

struct ProbedSize {
  int width = 0, height = 0;
  std::string channels;  // of pictures
};

class FileReader {
 public:
  virtual ~FileReader() = default;

  // Of EXR and PNG files; errors as in frames/frame_facts.h and frames/file_digests.h.
  virtual base::Result<frames::FrameFacts> frame_facts(const std::string& file_bytes) = 0;
  virtual base::Result<base::Sha256> samples_digest(const std::string& file_bytes) = 0;
  virtual base::Status check_frame_is_whole(const std::string& file_bytes) = 0;

  // Of the other files; as in picture_probe.h.
  virtual base::Result<ProbedSize> probe_picture(const std::filesystem::path& file, const std::string& ending) = 0;
  virtual std::optional<ProbedSize> probe_picture_header(const std::filesystem::path& file,
                                                         const std::string& ending) = 0;
  virtual base::Result<ProbedSize> probe_movie(const std::filesystem::path& file) = 0;
};

}  // namespace framemill::media
