#include "base/path_error.h"

namespace framemill::base {
namespace {

constexpr Names<PathError, 5> kPathErrors{{"path.bad", "path.denied", "path.link", "path.missing", "path.not_a_file"}};

}  // namespace

std::string_view text_of(PathError error) {
  return kPathErrors.of(error);
}

std::optional<PathError> path_error_from_code(std::string_view code) {
  return kPathErrors.find(code);
}

}  // namespace framemill::base
