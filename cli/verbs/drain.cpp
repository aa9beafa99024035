// framemill drain WORKER: no more work for it; what has begun may finish, the rest goes to other workers at once. With
// --at or --in it drains by itself at that time, and until then gets only work that is over by then. With --revoke it is
// shut out at once and for good.
#include "base/clock.h"
#include "base/rfc3339.h"
#include "cli/moments.h"
#include "cli/verbs/verbs.h"
#include "cli/verbs/worker_change.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string worker, reason, at, in;
  bool revoke = false;
};

base::Result<ExitCode> run(const Options& options, Session& session) {
  json::object body{{"reason", options.reason}};
  const std::string& time = options.at.empty() ? options.in : options.at;
  if (!time.empty()) {
    if (options.revoke || (!options.at.empty() && !options.in.empty()))
      return base::Error{"usage.time", "--at, --in and --revoke exclude each other", "--at", {}};
    const auto moment = moment_of(time, base::wall_now());
    if (!moment)
      return base::Error{"usage.time", options.at.empty() ? "--in: not a duration" : "--at: not a moment",
                         options.at.empty() ? "--in" : "--at", std::string(kMomentExamples)};
    body["at"] = base::format_rfc3339(*moment, base::Milliseconds::WhereAny);
  }
  return change_worker(session, options.worker, {options.revoke ? "revoke" : "drain"}, body);
}

}  // namespace

void declare_drain(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("drain", "Stop giving work to a worker", "framemill drain w1 --at 18:00 --reason \"new driver\"");
  verb.positional("WORKER", options->worker, "The worker's name or number");
  verb.option("--at", options->at, "TIME", "Drain it then: 18:00, or RFC 3339; it gets no work that lasts longer");
  verb.option("--in", options->in, "TIME", "The same, from now: 30m, 2h");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("--revoke", options->revoke,
            "Remove it at once and for good: its work goes to other workers, its key is refused");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
