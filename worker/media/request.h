// What framemill-media is asked: a serialised wire::Grant in a file, roots and a staging directory on the command line.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/farm.pb.h"
#include "worker/frames/root_file.h"

namespace framemill::media {

struct Request {
  wire::Grant grant;
  frames::Roots roots;
  std::filesystem::path staging;
};

// Told after each unit of work: done, total.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

// "name=path" each. Errors: media.request.
base::Result<frames::Roots> read_roots(const std::vector<std::string>& roots);

// `roots`: as read_roots takes them. Errors: media.request.
base::Result<Request> read_request(const std::filesystem::path& file, const std::vector<std::string>& roots,
                                   const std::filesystem::path& staging);

}  // namespace framemill::media
