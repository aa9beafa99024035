// /api/v1/jobs/{job}/cancel, pause, resume, priority, deadline, retry: artists change their own jobs, admins all. Answered when
// the change is on disk.
#include <fmt/format.h>

#include <cstdint>

#include "base/rfc3339.h"
#include "scheduler/http/call.h"
#include "scheduler/http/change_body.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

// Looks whose job it is, makes the change, and answers with the state after it.
void change(const std::shared_ptr<Call>& call, JobChange wanted) {
  const JobId id = wanted.job;
  wanted.principal = call->caller.principal;
  auto then_answer = [call, id](Changed changed) -> base::Status {
    call->api->farm.show_job(id, call->then<JobRow>([call, changed](const JobRow& job) -> base::Status {
      json::object answer{{"job", job->id.value}, {"state", jobs::name(job->state)}, {"tasks", changed.tasks}};
      if (changed.remake) answer["remake"] = changed.remake.value;
      call->answer(200, std::move(answer));
      return {};
    }));
    return {};
  };
  call->api->farm.show_job(id, call->then<JobRow>([call, wanted, then_answer](const JobRow& job) -> base::Status {
    if (call->caller.role != Role::Admin && job->principal != call->caller.principal) {
      return base::Error{"auth.not_owner", fmt::format("job {} belongs to {}", job->id.value, job->principal), "",
                         "ask them, or an administrator"};
    }
    call->api->farm.change_job(wanted, call->then<Changed>(then_answer));
    return {};
  }));
}

base::Status simple(const std::shared_ptr<Call>& call, JobAction verb) {
  JobChange wanted;
  wanted.verb = verb;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"reason"}));
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

base::Status cancel_job(const std::shared_ptr<Call>& call) {
  return simple(call, JobAction::Cancel);
}
base::Status pause_job(const std::shared_ptr<Call>& call) {
  JobChange wanted;
  wanted.verb = JobAction::Pause;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"for_ms", "reason"}));
  FM_ASSIGN(wanted.hold_for, hold_time_of(body));
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

base::Status set_job_priority(const std::shared_ptr<Call>& call) {
  JobChange wanted;
  wanted.verb = JobAction::SetPriority;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"priority", "reason"}));
  FM_ASSIGN(wanted.priority, priority_of(body));
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

base::Result<bool> flag_of(const json::object& body, std::string_view key) {
  const json::value* value = body.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return false;
  if (!value->is_bool()) return bad_parameter(key, "must be true or false");
  return value->get_bool();
}

base::Status resume_job(const std::shared_ptr<Call>& call) {
  JobChange wanted;
  wanted.verb = JobAction::Resume;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"now", "reason"}));
  FM_ASSIGN(wanted.waives_waits, flag_of(body, "now"));
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

base::Status set_job_deadline(const std::shared_ptr<Call>& call) {
  JobChange wanted;
  wanted.verb = JobAction::SetDeadline;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"deadline", "reason"}));
  const json::value* deadline = body.if_contains("deadline");
  const auto moment = deadline != nullptr && deadline->is_string()
                          ? base::parse_rfc3339(std::string_view(deadline->get_string()))
                          : std::nullopt;
  if (deadline == nullptr || (!moment && !deadline->is_null()))
    return bad_parameter("deadline", "must be a moment in RFC 3339 with an offset, or null for none");
  wanted.deadline = moment.value_or(base::WallTime{});
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

base::Status retry_job(const std::shared_ptr<Call>& call) {
  JobChange wanted;
  wanted.verb = JobAction::Retry;
  FM_ASSIGN(wanted.job, call->job());
  FM_ASSIGN(const json::object body, call->body({"layer", "frames", "reason", "remake", "replace"}));
  FM_ASSIGN(wanted.remake, flag_of(body, "remake"));
  FM_ASSIGN(wanted.replace, flag_of(body, "replace"));
  if (wanted.replace && !wanted.remake) return bad_parameter("replace", "goes with remake alone");
  FM_ASSIGN(wanted.layer, string_of(body, "layer", 200));
  FM_ASSIGN(const std::string frames, string_of(body, "frames", 4096));
  if (!frames.empty()) {
    auto parsed = jobs::FrameSet::parse(frames);
    if (!parsed.ok()) {
      base::Error error = parsed.error();
      error.field = "frames";
      return error;
    }
    wanted.frames = *std::move(parsed);
  }
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  change(call, std::move(wanted));
  return {};
}

}  // namespace

void add_job_change_routes(ApiRoutes& routes) {
  routes.add("POST", "/api/v1/jobs/{job}/cancel", {cancel_job, Role::Artist, {}});
  routes.add("POST", "/api/v1/jobs/{job}/pause", {pause_job, Role::Artist, {}});
  routes.add("POST", "/api/v1/jobs/{job}/resume", {resume_job, Role::Artist, {}});
  routes.add("POST", "/api/v1/jobs/{job}/priority", {set_job_priority, Role::Artist, {}});
  routes.add("POST", "/api/v1/jobs/{job}/deadline", {set_job_deadline, Role::Artist, {}});
  routes.add("POST", "/api/v1/jobs/{job}/retry", {retry_job, Role::Artist, {}});
}

}  // namespace framemill::scheduler
