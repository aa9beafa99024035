#include "jobs/file_kind.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"

namespace framemill::jobs {
namespace {

constexpr std::array<std::string_view, 2> kFrameEndings{"exr", "png"};
constexpr std::array<std::string_view, 12> kPictureEndings{"jpg", "jpeg", "tif", "tiff", "dpx", "cin",
                                                           "bmp", "tga",  "gif", "webp", "hdr", "jp2"};
constexpr std::array<std::string_view, 11> kMovieEndings{"mov", "mp4",  "m4v", "mkv", "webm", "avi",
                                                         "mxf", "mpeg", "mpg", "ts",  "ogv"};

template <std::size_t n>
bool is_among(const std::array<std::string_view, n>& endings, std::string_view ending) {
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

}  // namespace

FileKind file_kind(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return FileKind::Other;
  const std::string ending = base::ascii_lower(name.substr(dot + 1));
  if (is_among(kFrameEndings, ending)) return FileKind::FrameFile;
  if (is_among(kPictureEndings, ending)) return FileKind::Picture;
  return is_among(kMovieEndings, ending) ? FileKind::Movie : FileKind::Other;
}

}  // namespace framemill::jobs
