// Looking at one job again and again until it is final, through outages of the scheduler: jobs run on while it is away,
// so the one who watches is patient too. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "cli/exit_code.h"
#include "cli/session.h"
#include "cli/views.h"

namespace framemill::cli {

ExitCode exit_code_of_job(const JobView& job);
// From its submission to its end, or to now.
std::int64_t elapsed_ms_of(const JobView& job);

// Session::job_id, while the server may stay away for `patience`.
base::Result<std::int64_t> patient_job_id(Session& session, const std::string& text, base::Duration patience);

class JobWatch {
 public:
  // `patience`: how long the server may stay away in one piece.
  JobWatch(Session& session, std::int64_t job, base::Duration patience);

  // The job now; nothing while the server does not answer and patience lasts.
  base::Result<std::optional<JobView>> job();
  base::Result<std::optional<ExplanationView>> explanation();
  base::Result<std::vector<WorkerView>> workers();  // empty while the server does not answer
  // How long the server has been away; 0 when it answers.
  base::Duration away() const;

 private:
  base::Result<std::optional<json::value>> look(const std::string& target);

  Session& session_;
  std::int64_t job_;
  base::Duration patience_;
  std::optional<base::Instant> away_since_;
};

// Waits in small steps; false when it was interrupted.
bool pause_for(Session& session, base::Duration time);

}  // namespace framemill::cli
