// framemill deadline JOB TIME: changes when it is wanted, or takes its deadline away.
#include <fmt/format.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "cli/moments.h"
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string job, time, reason;
};

base::Result<ExitCode> run(const Options& options, Session& session) {
  json::object body{{"deadline", nullptr}, {"reason", options.reason}};
  if (options.time == "none") return change_job(session, options.job, "deadline", std::move(body), "has no deadline");
  const auto moment = moment_of(options.time, base::wall_now());
  if (!moment)
    return base::Error{"usage.time", "TIME: not a moment", "TIME", std::string(kMomentExamples) + ", or none"};
  const std::string text = base::format_rfc3339(*moment, base::Milliseconds::WhereAny);
  body["deadline"] = text;
  return change_job(session, options.job, "deadline", std::move(body), "has the deadline " + text);
}

}  // namespace

void declare_deadline(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("deadline", "Change when a job is wanted", "framemill deadline 12 18:00");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.positional("TIME", options->time, "18:00, 2h from now, 2026-12-24T18:00:00+01:00, or none");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
