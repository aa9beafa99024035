#include "cli/exit_code.h"

#include <array>

#include "base/code_table.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

using net::HttpError;
using net::NetError;

constexpr base::Names<ConfigError, 3> kConfigErrors{{"config.missing", "config.server", "config.unreadable"}};
constexpr base::Names<ProcessError, 3> kProcessErrors{{"process.missing", "process.start", "process.timeout"}};

constexpr base::Names<ServerError, 2> kServerErrors{{"auth.missing", "farm.busy"}};

constexpr int kUnauthorised = 401, kForbidden = 403, kBodyTooLarge = 413, kTooMany = 429, kServerError = 500;

const auto kExits = std::to_array<base::CodeRow<ExitCode>>({
    {text_of(NetError::Interrupted), ExitCode::Interrupted},
    {"auth.", ExitCode::NotAuthorised},
    {"token.", ExitCode::NotAuthorised},
    {"config.", ExitCode::BadConfiguration},
    {"net.", ExitCode::Server},
    {"sse.", ExitCode::Server},
    {"http.status_", ExitCode::Server},
    {text_of(HttpError::BadReply), ExitCode::Server},
    {text_of(HttpError::TooLarge), ExitCode::Server},  // the reply
});

}  // namespace

std::string_view text_of(ConfigError error) {
  return kConfigErrors.of(error);
}

std::string_view text_of(ServerError error) {
  return kServerErrors.of(error);
}

std::string_view text_of(ProcessError error) {
  return kProcessErrors.of(error);
}

ExitCode exit_code_of(const base::Error& error, int last_status) {
  const ExitCode* known = base::find_meaning(kExits, error.code);
  if (is(error, NetError::Interrupted)) return *known;
  if (last_status == kUnauthorised || last_status == kForbidden) return ExitCode::NotAuthorised;
  if (is(error, HttpError::TooLarge) && last_status == kBodyTooLarge) return ExitCode::Usage;  // what was sent
  if (known != nullptr) return *known;
  return last_status >= kServerError || last_status == kTooMany ? ExitCode::Server : ExitCode::Usage;
}

bool is_unreachable(const base::Error& error) {
  const auto found = net::net_error_from_code(error.code);
  return found && *found != NetError::Interrupted;
}

bool was_not_served(const base::Error& error) {
  return is(error, HttpError::Busy) || is(error, HttpError::TooManyConnections) ||
         is(error, HttpError::TooManyRequests) || is(error, HttpError::TooManyStreams) ||
         is(error, ServerError::FarmBusy);
}

}  // namespace framemill::cli
