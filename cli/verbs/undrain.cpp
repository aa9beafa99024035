// framemill undrain WORKER: back into service after a drain or a quarantine.
#include "cli/verbs/verbs.h"
#include "cli/verbs/worker_change.h"

namespace framemill::cli {

void declare_undrain(Arguments& program) {
  struct Options {
    std::string worker, reason;
    bool quarantine = false;
  };
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("undrain", "Return a drained worker to service, or cancel a planned drain", "framemill undrain w1");
  verb.positional("WORKER", options->worker, "The worker's name or number");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("--clear-quarantine", options->quarantine, "Also clear its quarantine");
  verb.run([options](Session& session) -> base::Result<ExitCode> {
    std::vector<std::string> changes{"undrain"};
    if (options->quarantine) changes.insert(changes.begin(), "clear-quarantine");
    return change_worker(session, options->worker, changes, {{"reason", options->reason}});
  });
}

}  // namespace framemill::cli
