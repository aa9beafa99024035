// What a file's name says that the file is. A file is held to that before it is committed. Pure.
#pragma once

#include <string_view>

namespace framemill::jobs {

enum class FileKind {
  Other,      // anything: data, text, caches
  FrameFile,  // .exr .png: what the farm itself reads and writes
  Picture,    // formats of other tools: .jpg .tif .dpx ...
  Movie       // .mov .mp4 .mkv .mxf ...
};

// By the ending after the last dot of the last component, upper or lower case.
FileKind file_kind(std::string_view path);

}  // namespace framemill::jobs
