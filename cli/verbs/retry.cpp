// framemill retry JOB: reopens failed, quarantined or cancelled tasks.
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_retry(Arguments& program) {
  struct Options {
    std::string job, layer, frames, reason;
  };
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("retry", "Try failed or cancelled tasks again",
                                "framemill retry 12 --layer hb_0010 --frames 1001-1016");
  verb.positional("JOB", options->job, "The job's number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--frames", options->frames, "RANGE", "Only these frames: 1001-1016, 1,5,9-12");
  verb.option("--reason", options->reason, "TEXT", "Why, for the record");
  verb.run([options](Session& session) {
    return change_job(session, options->job, "retry",
                      {{"layer", options->layer}, {"frames", options->frames}, {"reason", options->reason}},
                      "reopened");
  });
}

}  // namespace framemill::cli
