#include "base/os_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace framemill::base {
namespace {

constexpr std::string_view kRootField = "roots.";

constexpr Names<SystemError, 6> kSystemErrors{
    {"host.descriptors", "host.processes", "host.memory", "host.installation", "storage_full", "storage_failed"}};

bool is_of_storage(SystemError error) {
  return error == SystemError::StorageFull || error == SystemError::StorageFailed;
}

}  // namespace

std::string_view text_of(SystemError error) {
  return kSystemErrors.of(error);
}

std::optional<SystemError> system_error_from_code(std::string_view code) {
  return kSystemErrors.find(code);
}

std::string_view host_code(int error_number) {
  if (error_number == EMFILE || error_number == ENFILE) return text_of(SystemError::Descriptors);
  if (error_number == ENOMEM) return text_of(SystemError::Memory);
  return "";
}

std::string_view process_code(int error_number) {
  return error_number == EAGAIN ? text_of(SystemError::Processes) : host_code(error_number);
}

std::string_view storage_code(int error_number) {
  constexpr std::array kFailed{EIO,       ESTALE,      EROFS,      ENODEV,       ENXIO,     ENOMEDIUM, EUCLEAN,
                               EREMOTEIO, ENOLINK,     ECOMM,      ETIMEDOUT,    ENOTCONN,  EHOSTDOWN, EHOSTUNREACH,
                               ENETDOWN,  ENETUNREACH, ECONNRESET, ECONNREFUSED, ESHUTDOWN, ENOLCK,    ECONNABORTED};
  if (error_number == ENOSPC || error_number == EDQUOT) return text_of(SystemError::StorageFull);
  const bool failed = std::find(kFailed.begin(), kFailed.end(), error_number) != kFailed.end();
  return failed ? text_of(SystemError::StorageFailed) : "";
}

bool is_host_code(std::string_view code) {
  const auto error = kSystemErrors.find(code);
  return error && !is_of_storage(*error);
}

bool is_storage_code(std::string_view code) {
  const auto error = kSystemErrors.find(code);
  return error && is_of_storage(*error);
}

bool is_of_system(const Error& error) {
  return kSystemErrors.find(error.code).has_value();
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
