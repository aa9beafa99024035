// framemill priority JOB N: changes how soon its tasks come.
#include <charconv>

#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

#include <fmt/format.h>

namespace framemill::cli {
namespace {

struct Options {
  std::string job, priority, reason;
};

base::Result<ExitCode> run(const Options& options, Session& session) {
  int priority = -1;
  const char* end = options.priority.data() + options.priority.size();
  const auto [stop, error] = std::from_chars(options.priority.data(), end, priority);
  if (error != std::errc() || stop != end || priority < 0 || priority > 100)
    return base::Error{"usage.priority", "a priority is a whole number from 0 to 100", "N",
                       "higher comes first, 50 is usual"};
  return change_job(session, options.job, "priority", {{"priority", priority}, {"reason", options.reason}},
                    fmt::format("has priority {}", priority));
}

}  // namespace

void declare_priority(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("priority", "Change a job's priority", "framemill priority 12 80");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.positional("N", options->priority, "0 to 100, higher first; 50 is usual");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
