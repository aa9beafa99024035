// The frozen exit codes of the program (docs/cli.md). Scripts hold on to them.
#pragma once

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

}  // namespace framemill::cli
