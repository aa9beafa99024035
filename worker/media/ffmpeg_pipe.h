// An ffmpeg child that takes raw RGB frames on its standard input and writes one H.264 movie. Its diagnostics are kept
// (the last 4 KiB) and become the error's text. The child dies with this process.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jobs/frame_rate.h"

namespace framemill::media {

struct MovieFormat {
  int width = 0;   // even
  int height = 0;  // even
  jobs::FrameRate rate;
};

class FfmpegPipe {
 public:
  // Errors: media.ffmpeg.
  static base::Result<FfmpegPipe> start(const MovieFormat& format, const std::filesystem::path& output);
  FfmpegPipe(FfmpegPipe&&) noexcept;
  FfmpegPipe& operator=(FfmpegPipe&&) noexcept;
  ~FfmpegPipe();  // ends the child if it was not finished

  // One frame: width * height * 3 bytes. Errors: media.ffmpeg with the child's last words.
  base::Status write(std::string_view rgb);
  // Waits for the movie. Errors: media.ffmpeg.
  base::Status finish();

 private:
  struct Child;
  explicit FfmpegPipe(std::unique_ptr<Child> child);
  std::unique_ptr<Child> child_;
};

}  // namespace framemill::media
