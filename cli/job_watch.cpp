#include "cli/job_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "cli/exit_code.h"
#include "cli/text.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

// Trouble that passes: the server is being restarted, or is too busy.
bool passes(const base::Error& error, int status) {
  return is_unreachable(error) || (!is(error, net::NetError::Interrupted) && (status == 503 || status == 429));
}

}  // namespace

base::Result<std::int64_t> patient_job_id(Session& session, const std::string& text, base::Duration patience) {
  constexpr base::Duration kBetween = base::milliseconds(500);
  const base::Instant end = base::monotonic_now() + patience;
  while (true) {
    auto id = session.job_id(text);
    if (id.ok() || !passes(id.error(), session.last_status()) || base::monotonic_now() >= end) return id;
    if (!pause_for(session, kBetween)) return base::error_of(net::NetError::Interrupted, "stopped");
  }
}

ExitCode exit_code_of_job(const JobView& job) {
  if (job.state == "done") return ExitCode::Ok;
  if (job.state == "failed") return ExitCode::JobFailed;
  if (job.state == "cancelled") return ExitCode::JobCancelled;
  return ExitCode::StillRunning;
}

std::int64_t elapsed_ms_of(const JobView& job) {
  const std::int64_t end = job.finished.empty() ? base::wall_now().unix_ms : unix_ms_of(job.finished);
  return std::max<std::int64_t>(end - unix_ms_of(job.submitted), 0);
}

JobWatch::JobWatch(Session& session, std::int64_t job, base::Duration patience)
    : session_(session), job_(job), patience_(patience) {}

base::Duration JobWatch::away() const {
  return away_since_ ? base::monotonic_now() - *away_since_ : base::Duration{0};
}

base::Result<std::optional<json::value>> JobWatch::look(const std::string& target) {
  FM_ASSIGN(Api* server, session_.api());
  auto answer = server->get(target);
  if (answer.ok()) {
    away_since_.reset();
    return std::optional<json::value>(std::move(answer).value());
  }
  if (!passes(answer.error(), server->last_status())) return answer.error();
  if (!away_since_) away_since_ = base::monotonic_now();
  if (away() > patience_) return answer.error();
  return std::optional<json::value>();
}

base::Result<std::optional<JobView>> JobWatch::job() {
  FM_ASSIGN(const auto answer, look(fmt::format("/api/v1/jobs/{}", job_)));
  if (!answer) return std::optional<JobView>();
  FM_ASSIGN(JobView view, read_job(*answer));
  return std::optional<JobView>(std::move(view));
}

base::Result<std::optional<ExplanationView>> JobWatch::explanation() {
  FM_ASSIGN(const auto answer, look(fmt::format("/api/v1/jobs/{}/explain", job_)));
  if (!answer) return std::optional<ExplanationView>();
  FM_ASSIGN(ExplanationView view, read_explanation(*answer));
  return std::optional<ExplanationView>(std::move(view));
}

base::Result<std::vector<WorkerView>> JobWatch::workers() {
  FM_ASSIGN(const auto answer, look("/api/v1/workers"));
  if (!answer) return std::vector<WorkerView>();
  return read_workers(*answer);
}

bool pause_for(Session& session, base::Duration time) {
  const base::Instant end = base::monotonic_now() + time;
  while (session.host().keep_going()) {
    const base::Duration left = end - base::monotonic_now();
    if (left.ms <= 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min<std::int64_t>(left.ms, 50)));
  }
  return false;
}

}  // namespace framemill::cli
