#include "worker/media/request.h"

#include <fmt/format.h>

#include "base/file.h"

namespace framemill::media {
namespace {

constexpr std::uint64_t kRequestBytesMax = 64ull << 20;

}  // namespace

base::Result<frames::Roots> read_roots(const std::vector<std::string>& roots) {
  frames::Roots read;
  for (const std::string& root : roots) {
    const std::size_t equals = root.find('=');
    if (equals == 0 || equals == std::string::npos)
      return base::Error{"media.request", fmt::format("--root '{}' is not of the form name=path", root), "", ""};
    read.set(root.substr(0, equals), root.substr(equals + 1));
  }
  return read;
}

base::Result<Request> read_request(const std::filesystem::path& file, const std::vector<std::string>& roots,
                                   const std::filesystem::path& staging) {
  Request request;
  FM_ASSIGN(const std::string bytes, base::read_file(file, kRequestBytesMax));
  if (!request.grant.ParseFromString(bytes))
    return base::Error{"media.request", fmt::format("{} is not a serialised grant", file.string()), "", ""};
  FM_ASSIGN(request.roots, read_roots(roots));
  if (request.grant.tasks().count() > 1) return base::Error{"media.request", "a movie or a sheet is one task", "", ""};
  request.staging = staging;
  return request;
}

}  // namespace framemill::media
