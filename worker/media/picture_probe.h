// Opens a file of a format that the farm itself does not read, to see whether it is what its name says: pictures by
// OpenImageIO, movies by ffmpeg's programs. For the process that checks a program's output (output_check.h), where a
// hostile file harms one task.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "worker/media/file_reader.h"

namespace framemill::media {

// Reads all samples of the first picture. `ending`: of its name, with the dot; it tells the format. A format without a
// reader here passes with size 0 x 0. Errors: output.unreadable.
base::Result<ProbedSize> probe_picture(const std::filesystem::path& file, const std::string& ending);
// Width, height and channels from the file's header alone. Nothing: it cannot be opened, or there is no reader here.
std::optional<ProbedSize> probe_picture_header(const std::filesystem::path& file, const std::string& ending);
// Reads all packets of the first video stream and decodes its first frame. Errors: output.unreadable, media.ffmpeg (the
// programs are not installed).
base::Result<ProbedSize> probe_movie(const std::filesystem::path& file);

}  // namespace framemill::media
