// framemill resume JOB: lets it go on. With --now it does not wait for what its spec named, either.
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_resume(Arguments& program) {
  struct Options {
    std::string job, reason;
    bool now = false;
  };
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("resume", "Resume a paused job", "framemill resume 12");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("--now", options->now, "Start it without waiting for its start_after and after_job");
  verb.run([options](Session& session) {
    json::object body{{"reason", options->reason}};
    if (options->now) body["now"] = true;
    return change_job(session, options->job, "resume", std::move(body), "resumed");
  });
}

}  // namespace framemill::cli
