// framemill follow JOB: the job's progress, live, until it is final. Interrupting it leaves the job running.
#include "cli/verbs/follow.h"

#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "base/clock.h"
#include "cli/job_watch.h"
#include "cli/live_display.h"
#include "cli/progress.h"
#include "cli/verbs/verbs.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kLookEvery = base::milliseconds(300);
constexpr base::Duration kExplainEvery = base::seconds(1);
constexpr base::Duration kPlainLineEvery = base::seconds(10);

struct Options {
  std::string job, patience = "60s";
  bool plain = false;
};

// What is shown: a drawing that is renewed in place, or a line now and then.
class Screen {
 public:
  Screen(Session& session, bool plain) : session_(session) {
    if (!plain && session.terminal().interactive) display_ = std::make_unique<LiveDisplay>(session.out());
  }

  void show(const ProgressViews& views) {
    if (session_.json()) return;
    if (display_) {
      refresh_size(session_.host().terminal, session_.host().terminal_descriptor);
      display_->draw(progress_lines(views, session_.terminal()), session_.terminal().width);
    } else if (views.job.is_final() || base::monotonic_now() >= next_line_) {
      session_.out() << progress_line(views) << '\n' << std::flush;
      next_line_ = base::monotonic_now() + kPlainLineEvery;
    }
  }

  void show_away(base::Duration away) {
    if (session_.json() || away.ms < 1000) return;
    const std::string text = fmt::format("the scheduler does not answer ({}); the farm works on", clock_text(away.ms));
    if (display_) {
      const int width = session_.terminal().width;
      display_->draw({cut_to(text, static_cast<std::size_t>(width), session_.terminal().utf8)}, width);
    } else if (base::monotonic_now() >= next_line_) {
      session_.out() << text << '\n' << std::flush;
      next_line_ = base::monotonic_now() + kPlainLineEvery;
    }
  }

 private:
  Session& session_;
  std::unique_ptr<LiveDisplay> display_;
  base::Instant next_line_{0};
};

ExitCode leave_running(Session& session, std::int64_t job) {
  if (session.json())
    session.print_error(base::error_of(net::NetError::Interrupted, fmt::format("job {} goes on", job)));
  else
    session.err() << fmt::format(
        "job {0} keeps running; framemill follow {0} shows it again, framemill cancel {0} stops it\n", job);
  return ExitCode::Interrupted;
}

ExitCode leave_for_good(Session& session, std::int64_t job, const std::string& sentence) {
  if (!session.json())
    session.err() << fmt::format("{0}\nframemill explain {1} says more, framemill cancel {1} cancels it\n", sentence,
                                 job);
  return ExitCode::CanNeverRun;
}

base::Result<ExitCode> follow(Session& session, std::int64_t job, base::Duration patience, bool plain) {
  JobWatch watch(session, job, patience);
  ProgressViews views;
  base::Instant next_explanation{0};
  bool never = false;
  {
    Screen screen(session, plain);
    do {
      FM_ASSIGN(std::optional<JobView> now, watch.job());
      if (!now) {
        screen.show_away(watch.away());
        continue;
      }
      views.job = std::move(*now);
      views.elapsed_ms = elapsed_ms_of(views.job);
      FM_ASSIGN(views.workers, watch.workers());
      if (!something_waits(views.job)) {
        views.explanation.reset();
      } else if (base::monotonic_now() >= next_explanation) {
        next_explanation = base::monotonic_now() + kExplainEvery;
        FM_ASSIGN(views.explanation, watch.explanation());
        // Only a job of which nothing runs can be one that never will.
        never = views.job.tasks.leased == 0 && views.explanation && views.explanation->can_never_run;
      }
      screen.show(views);
      if (views.job.is_final()) break;
      if (never) break;
    } while (pause_for(session, kLookEvery));
  }
  if (never) return leave_for_good(session, job, views.explanation->sentence);
  if (!views.job.is_final()) return leave_running(session, job);
  if (!session.json()) session.out() << outcome_text(views.job, views.elapsed_ms, session.terminal());
  return exit_code_of_job(views.job);
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const auto patience = duration_ms(options.patience);
  if (!patience)
    return base::Error{"usage.patience", "--patience: not a valid duration", "--patience", "write 90s, 5m or 2h"};
  FM_ASSIGN(const std::int64_t job, patient_job_id(session, options.job, base::milliseconds(*patience)));
  auto result = follow_job(session, job, base::milliseconds(*patience), options.plain ? Display::Plain : Display::Live);
  if (!result.ok() || !session.json() || *result == ExitCode::Interrupted) return result;
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get(fmt::format("/api/v1/jobs/{}", job)));
  session.print_json(answer);
  return result;
}

}  // namespace

base::Result<ExitCode> follow_job(Session& session, std::int64_t job, base::Duration patience, Display display) {
  auto result = follow(session, job, patience, display == Display::Plain);
  if (is(result, net::NetError::Interrupted)) return leave_running(session, job);
  return result;
}

void declare_follow(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("follow", "Watch a job until it is finished", "framemill follow last");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.flag("--plain", options->plain, "Print a line every 10 s, as without a terminal");
  verb.option("--patience", options->patience, "TIME", "How long to wait for a scheduler that is down (60s)");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
