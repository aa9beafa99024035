#include "base/os_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace framemill::base {
namespace {

constexpr std::string_view kRootField = "roots.";

}  // namespace

std::string_view host_code(int error_number) {
  if (error_number == EMFILE || error_number == ENFILE) return "host.descriptors";
  if (error_number == ENOMEM) return "host.memory";
  return "";
}

std::string_view process_code(int error_number) {
  return error_number == EAGAIN ? "host.processes" : host_code(error_number);
}

std::string_view storage_code(int error_number) {
  constexpr std::array kFailed{EIO,       ESTALE,      EROFS,      ENODEV,       ENXIO,     ENOMEDIUM, EUCLEAN,
                               EREMOTEIO, ENOLINK,     ECOMM,      ETIMEDOUT,    ENOTCONN,  EHOSTDOWN, EHOSTUNREACH,
                               ENETDOWN,  ENETUNREACH, ECONNRESET, ECONNREFUSED, ESHUTDOWN, ENOLCK,    ECONNABORTED};
  if (error_number == ENOSPC || error_number == EDQUOT) return "storage_full";
  return std::find(kFailed.begin(), kFailed.end(), error_number) != kFailed.end() ? "storage_failed" : "";
}

bool is_host_code(std::string_view code) {
  return code.starts_with("host.");
}

bool is_storage_code(std::string_view code) {
  return code == "storage_full" || code == "storage_failed";
}

Error os_error(int error_number, std::string_view otherwise, std::string_view what) {
  std::string_view code = host_code(error_number);
  if (code.empty()) code = storage_code(error_number);
  const std::string message = fmt::format("{}: {}", what, std::strerror(error_number));
  return {std::string(code.empty() ? otherwise : code), message, "", ""};
}

Error in_root(Error error, std::string_view root) {
  if (is_storage_code(error.code) && !root.empty()) error.field = std::string(kRootField) + std::string(root);
  return error;
}

std::string root_of(const Error& error) {
  return error.field.starts_with(kRootField) ? error.field.substr(kRootField.size()) : std::string();
}

}  // namespace framemill::base
