// The frozen exit codes of the program (docs/cli.md), which scripts hold on to, and what errors mean for them: our own
// and those that the server sent as text. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error_code.h"
#include "base/result.h"

namespace framemill::cli {

enum class ExitCode : int {
  Ok = 0,
  Server = 1,     // transport, or the server's own trouble
  Usage = 2,      // bad command line or bad spec, or a thing that does not exist
  JobFailed = 3,  // finished with failures
  NotAuthorised = 4,
  JobCancelled = 5,
  CanNeverRun = 6,  // no slot of this farm could ever take it
  StillRunning = 7,
  BadConfiguration = 78,
  Interrupted = 130,
};

// The exit code that an error means; `last_status` is the HTTP status of the last reply, or 0. A code that this version
// does not know is Usage, unless the status says that the server is to blame.
ExitCode exit_code_of(const base::Error& error, int last_status);
// No answer came: the server may be down, or may have acted.
bool is_unreachable(const base::Error& error);
// The server refused before it did anything: the same may be asked again, a change as well.
bool was_not_served(const base::Error& error);

enum class ConfigError : std::uint8_t { Missing, Server, Unreadable };  // of config.toml
std::string_view text_of(ConfigError error);                            // "config.missing"

enum class ServerError : std::uint8_t { AuthMissing, FarmBusy };  // of its replies, those that the client acts on
std::string_view text_of(ServerError error);

enum class ProcessError : std::uint8_t { Missing, Start, Timeout };  // of a program of ours that was run
std::string_view text_of(ProcessError error);                        // "process.timeout"

}  // namespace framemill::cli
