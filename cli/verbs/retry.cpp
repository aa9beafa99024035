// framemill retry JOB: reopens failed, quarantined or cancelled tasks; with --remake makes published files again.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct RetryOptions {
  std::string job, layer, frames, reason;
  bool remake = false, replace = false;
};

base::Result<ExitCode> ask_remake(const RetryOptions& options, Session& session) {
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/retry"));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->post(target, json::object{{"layer", options.layer},
                                                                        {"frames", options.frames},
                                                                        {"reason", options.reason},
                                                                        {"remake", true},
                                                                        {"replace", options.replace}}));
  JsonReader reader(answer, "change");
  const std::int64_t id = reader.integer("job"), tasks = reader.integer("tasks"), remake = reader.integer("remake");
  FM_TRY(reader.status());
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  const char* and_then = options.replace
                             ? "the result replaces what is published"
                             : "a result equal to the record replaces the file; any other result changes nothing";
  session.out() << fmt::format("job {} makes {} of job {} again; {}\n", remake, counted(tasks, "task"), id, and_then)
                << fmt::format("framemill wait {} reports how it ended, framemill job {} what was produced\n", remake,
                               id);
  return ExitCode::Ok;
}

base::Result<ExitCode> run(const RetryOptions& options, Session& session) {
  if (options.replace && !options.remake)
    return base::Error{"usage.replace", "--replace goes with --remake alone", "--replace",
                       "framemill retry JOB --frames N --remake --replace"};
  if (options.remake) return ask_remake(options, session);
  return change_job(session, options.job, "retry",
                    {{"layer", options.layer}, {"frames", options.frames}, {"reason", options.reason}}, "reopened");
}

}  // namespace

void declare_retry(Arguments& program) {
  auto options = std::make_shared<RetryOptions>();
  Arguments verb = program.verb("retry", "Try failed or cancelled tasks again; make lost or damaged files again",
                                "framemill retry 12 --layer hb_0010 --frames 1001-1016");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--frames", options->frames, "RANGE", "Only these frames: 1001-1016, 1,5,9-12");
  verb.flag("--remake", options->remake, "Make published files again, and restore those that equal the record");
  verb.flag("--replace", options->replace, "With --remake: also publish results that differ from the record");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
