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
  Arguments verb = program.verb("undrain", "Take a worker back into service", "framemill undrain w1");
  verb.positional("WORKER", options->worker, "The worker's name or number");
  verb.option("--reason", options->reason, "TEXT", "Why, for the record");
  verb.flag("--clear-quarantine", options->quarantine, "Also forget the failures that put it into quarantine");
  verb.run([options](Session& session) -> base::Result<ExitCode> {
    std::vector<std::string> changes{"undrain"};
    if (options->quarantine) changes.insert(changes.begin(), "clear-quarantine");
    return change_worker(session, options->worker, changes, options->reason);
  });
}

}  // namespace framemill::cli
