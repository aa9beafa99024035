// framemill priority JOB N: changes how soon its tasks come.
#include <charconv>

#include "cli/verbs/job_change.h"
#include "cli/verbs/job_selection.h"
#include "cli/verbs/verbs.h"

#include <fmt/format.h>

namespace framemill::cli {
namespace {

struct Options {
  std::string job, priority, reason;
  ChangeOfMany many;
};

base::Result<ExitCode> run(Options options, Session& session) {
  // With a selection the one word is the priority.
  if (!options.many.selection.empty() && options.priority.empty()) options.priority.swap(options.job);
  FM_TRY(one_or_many(options.job, options.many));
  int priority = -1;
  const char* end = options.priority.data() + options.priority.size();
  const auto [stop, error] = std::from_chars(options.priority.data(), end, priority);
  if (error != std::errc() || stop != end || priority < 0 || priority > 100)
    return base::Error{"usage.priority", "a priority is a whole number from 0 to 100", "N",
                       "higher comes first, 50 is usual"};
  json::object body{{"priority", priority}, {"reason", options.reason}};
  if (options.job.empty())
    return change_many(session, options.many, "priority", std::move(body), fmt::format("given priority {}", priority));
  return change_job(session, options.job, "priority", std::move(body), fmt::format("has priority {}", priority));
}

}  // namespace

void declare_priority(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("priority", "Change a job's priority", "framemill priority 12 80");
  verb.positional("JOB", options->job, "Job number, or last for your newest; left out with a selection",
                  Presence::Optional);
  verb.positional("N", options->priority, "0 to 100, higher first; 50 is usual", Presence::Optional);
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  declare_change_of_many(verb, options->many);
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
