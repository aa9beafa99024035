#include "monitoring/dashboard/bundle.h"

#include <algorithm>
#include <array>
#include <utility>

namespace framemill::dashboard {

extern const BundleFile kBundleFiles[];  // made by cmake/EmbedBundle.cmake; ends with an empty path

const std::vector<BundleFile>& bundle() {
  static const std::vector<BundleFile> files = [] {
    std::vector<BundleFile> all;
    for (const BundleFile* file = kBundleFiles; !file->path.empty(); ++file) all.push_back(*file);
    return all;
  }();
  return files;
}

const BundleFile* find_file(std::string_view path) {
  if (path == "/") path = "/index.html";
  const auto found =
      std::find_if(bundle().begin(), bundle().end(), [&](const BundleFile& file) { return file.path == path; });
  return found == bundle().end() ? nullptr : &*found;
}

std::string_view content_type(const BundleFile& file) {
  constexpr auto kTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"},
  });
  for (const auto& [ending, type] : kTypes)
    if (file.path.ends_with(ending)) return type;
  return "application/octet-stream";
}

bool is_immutable(const BundleFile& file) {
  return file.path.starts_with("/assets/");
}

}  // namespace framemill::dashboard
