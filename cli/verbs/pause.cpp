// framemill pause JOB: grants nothing more and stops at the next step boundary.
#include <memory>

#include "cli/text.h"
#include "cli/verbs/job_change.h"
#include "cli/verbs/job_selection.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string job, time, reason;
  ChangeOfMany many;
};

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_TRY(one_or_many(options.job, options.many));
  json::object body{{"reason", options.reason}};
  if (!options.time.empty()) {
    const auto time = duration_ms(options.time);
    if (!time || *time < 1)
      return base::Error{"usage.time", "--for: not a valid duration", "--for", "for example 90s, 30m or 8h"};
    body["for_ms"] = *time;
  }
  if (options.job.empty()) return change_many(session, options.many, "pause", std::move(body), "paused");
  return change_job(session, options.job, "pause", std::move(body), "paused");
}

}  // namespace

void declare_pause(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("pause", "Pause a job until it is resumed", "framemill pause 12 --for 8h");
  verb.positional("JOB", options->job, "Job number, or last for your newest", Presence::Optional);
  verb.option("--for", options->time, "TIME", "Resume it by itself after this time: 30m, 8h");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  declare_change_of_many(verb, options->many);
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
