// framemill drain WORKER: no more work for it; what has begun may finish, the rest goes to other workers at once. With
// --revoke it is shut out at once and for good.
#include "cli/verbs/verbs.h"
#include "cli/verbs/worker_change.h"

namespace framemill::cli {

void declare_drain(Arguments& program) {
  struct Options {
    std::string worker, reason;
    bool revoke = false;
  };
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("drain", "Stop giving work to a worker", "framemill drain w1 --reason \"new driver\"");
  verb.positional("WORKER", options->worker, "The worker's name or number");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("--revoke", options->revoke,
            "Remove it at once and for good: its work goes to other workers, its key is refused");
  verb.run([options](Session& session) {
    return change_worker(session, options->worker, {options->revoke ? "revoke" : "drain"}, options->reason);
  });
}

}  // namespace framemill::cli
