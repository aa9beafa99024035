// framemill wait JOB: returns when the job is final; the exit code says how it ended.
#include <fmt/format.h>

#include <ostream>
#include <set>

#include "base/clock.h"
#include "cli/job_watch.h"
#include "cli/progress.h"
#include "cli/verbs/verbs.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kLookEvery = base::milliseconds(250);
constexpr base::Duration kExplainEvery = base::seconds(5);

struct Options {
  std::string job, timeout, patience = "60s";
};

base::Result<std::optional<base::Instant>> deadline_of(const Options& options) {
  if (options.timeout.empty()) return std::optional<base::Instant>();
  const auto ms = duration_ms(options.timeout);
  if (!ms) return base::Error{"usage.timeout", "--timeout: not a valid duration", "--timeout", "write 90s, 5m or 2h"};
  return std::optional<base::Instant>(base::monotonic_now() + base::milliseconds(*ms));
}

ExitCode report(Session& session, const JobView& job, ExitCode code, const std::string& sentence) {
  if (session.json()) {
    session.print_json(
        json::object{{"job", job.id}, {"state", job.state}, {"exit", static_cast<int>(code)}, {"message", sentence}});
  } else if (job.is_final()) {
    session.out() << outcome_text(job, elapsed_ms_of(job), session.terminal());
  } else {
    session.out() << fmt::format("job {} is {}: {}\n", job.id, job.state, sentence);
  }
  return code;
}

// A job whose published files are being made again is not over for whoever waits; its state stays as it is.
const RemakeView* open_remake(const JobView& job) {
  for (const RemakeView& remake : job.remakes)
    if (remake.job != job.id && remake.state != "done" && remake.state != "failed" && remake.state != "cancelled")
      return &remake;
  return nullptr;
}

// The job is as it was when a remake of its files did not succeed; whoever waited for that one shall know.
std::string remake_note(const JobView& job, const std::set<std::int64_t>& waited_for) {
  std::string note;
  for (const RemakeView& remake : job.remakes)
    if (waited_for.contains(remake.job) && remake.state != "done")
      note += fmt::format("{}job {}, which was to make files of it again, {}: `framemill job {}` says why",
                          note.empty() ? "" : "; ", remake.job,
                          remake.state == "failed" ? "failed" : "is " + remake.state, remake.job);
  return note;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const auto deadline, deadline_of(options));
  const auto patience = duration_ms(options.patience);
  if (!patience)
    return base::Error{"usage.patience", "--patience: not a valid duration", "--patience", "write 90s, 5m or 2h"};
  FM_ASSIGN(const std::int64_t id, patient_job_id(session, options.job, base::milliseconds(*patience)));
  JobWatch watch(session, id, base::milliseconds(*patience));
  std::optional<JobView> last;
  std::set<std::int64_t> waited_for;  // remakes
  base::Instant next_explanation = base::monotonic_now();
  while (true) {
    FM_ASSIGN(std::optional<JobView> job, watch.job());
    const RemakeView* remake = job && job->is_final() ? open_remake(*job) : nullptr;
    if (remake != nullptr) waited_for.insert(remake->job);
    if (job && job->is_final() && remake == nullptr) {
      const std::string note = remake_note(*job, waited_for);
      const ExitCode code = report(session, *job, exit_code_of_job(*job), note.empty() ? "final" : note);
      if (!note.empty() && !session.json()) session.out() << note << '\n';
      return code;
    }
    // Only a job of which nothing runs can be one that never will.
    const bool may_be_held = job && (remake != nullptr || (job->tasks.leased == 0 && something_waits(*job)));
    if (may_be_held && base::monotonic_now() >= next_explanation) {
      next_explanation = base::monotonic_now() + kExplainEvery;
      JobWatch other(session, remake != nullptr ? remake->job : id, base::milliseconds(*patience));
      FM_ASSIGN(const auto explanation, (remake != nullptr ? other : watch).explanation());
      if (explanation && explanation->can_never_run) {
        const ExitCode code = report(session, *job, ExitCode::CanNeverRun, explanation->sentence);
        if (remake != nullptr && !session.json())
          session.out() << fmt::format("job {}, which makes files of it again: {}\n", remake->job,
                                       explanation->sentence);
        return code;
      }
    }
    if (job) last = std::move(job);
    if (deadline && base::monotonic_now() >= *deadline) {
      if (last) return report(session, *last, ExitCode::StillRunning, "timed out; still not finished");
      session.print_error({"wait.timeout", fmt::format("timed out; no answer about job {}", id), {}, {}});
      return ExitCode::StillRunning;
    }
    if (!pause_for(session, kLookEvery))
      return base::error_of(net::NetError::Interrupted, fmt::format("interrupted; job {} keeps running", id));
  }
}

}  // namespace

void declare_wait(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("wait", "Wait until a job is finished; the exit code says how", "framemill wait last --timeout 10m");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--timeout", options->timeout, "TIME", "Give up after 90s, 5m, 2h with exit code 7");
  verb.option("--patience", options->patience, "TIME", "How long to wait for a scheduler that is down (60s)");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
