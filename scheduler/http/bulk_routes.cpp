// /api/v1/bulk/cancel, pause, resume, priority: the same change of all jobs that are selected and not over. Artists
// change their own jobs, admins all. `dry_run=true` says what would be changed and changes nothing.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "scheduler/http/call.h"
#include "scheduler/http/change_body.h"
#include "scheduler/http/forecast_json.h"
#include "scheduler/http/job_filter.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

json::object reply_json(const JobsChangeReply& reply, bool dry_run, const Foretold& foretold) {
  json::array jobs;
  for (const JobRow& job : reply.jobs) {
    json::object summary = job_summary_json(*job);
    add_foretold(summary, *job, foretold);
    jobs.emplace_back(std::move(summary));
  }
  json::object states;
  for (const auto& [state, count] : reply.states) states[jobs::name(state)] = count;
  return {{"dry_run", dry_run},       {"matched", reply.matched},    {"changed", reply.changed},
          {"skipped", reply.skipped}, {"states", std::move(states)}, {"jobs", std::move(jobs)}};
}

base::Result<JobFilter> selection_of(const Call& call, const json::object& body) {
  const json::value* select = body.if_contains("select");
  if (select == nullptr || !select->is_object() || select->get_object().empty())
    return bad_parameter("select",
                         "must be an object with at least one of user, show, sequence, shot, state, tag, "
                         "text and since");
  for (const auto& [key, value] : select->get_object())
    if (std::find(kJobFilterKeys.begin(), kJobFilterKeys.end(), std::string_view(key)) == kJobFilterKeys.end())
      return bad_parameter("select", fmt::format("has the unknown key \"{}\"", std::string_view(key)));
  FM_ASSIGN(JobFilter filter,
            read_job_filter([&](std::string_view key) { return string_of(select->get_object(), key, 200); }));
  if (call.caller.role == Role::Admin) return filter;
  if (filter.principal.empty()) filter.principal = call.caller.principal;
  if (filter.principal != call.caller.principal)
    return base::Error{"auth.not_owner", fmt::format("jobs of {} are not yours", filter.principal), "select.user",
                       "ask them, or an administrator"};
  return filter;
}

base::Status change_many(const std::shared_ptr<Call>& call, JobAction verb, std::vector<std::string_view> keys) {
  JobsChange wanted;
  wanted.verb = verb;
  wanted.principal = call->caller.principal;
  keys.insert(keys.end(), {"select", "reason"});
  FM_ASSIGN(const json::object body, call->body(keys));
  FM_ASSIGN(wanted.filter, selection_of(*call, body));
  wanted.selected = words_of(wanted.filter);
  FM_ASSIGN(wanted.hold_for, hold_time_of(body));
  if (verb == JobAction::SetPriority) {
    FM_ASSIGN(wanted.priority, priority_of(body));
  }
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  FM_ASSIGN(const auto dry_run, call->boolean("dry_run"));
  wanted.dry_run = dry_run.value_or(false);
  call->api->farm.change_jobs(wanted, call->then<JobsChangeReply>([call, wanted](const JobsChangeReply& reply) {
    call->answer(200, reply_json(reply, wanted.dry_run, {call->api->farm.forecasts(), base::wall_now()}));
    return base::Status();
  }));
  return {};
}

base::Status cancel_jobs(const std::shared_ptr<Call>& call) {
  return change_many(call, JobAction::Cancel, {});
}
base::Status pause_jobs(const std::shared_ptr<Call>& call) {
  return change_many(call, JobAction::Pause, {"for_ms"});
}
base::Status resume_jobs(const std::shared_ptr<Call>& call) {
  return change_many(call, JobAction::Resume, {});
}
base::Status set_priority_of_jobs(const std::shared_ptr<Call>& call) {
  return change_many(call, JobAction::SetPriority, {"priority"});
}

}  // namespace

void add_bulk_routes(ApiRoutes& routes) {
  routes.add("POST", "/api/v1/bulk/cancel", {cancel_jobs, Role::Artist, {"dry_run"}});
  routes.add("POST", "/api/v1/bulk/pause", {pause_jobs, Role::Artist, {"dry_run"}});
  routes.add("POST", "/api/v1/bulk/resume", {resume_jobs, Role::Artist, {"dry_run"}});
  routes.add("POST", "/api/v1/bulk/priority", {set_priority_of_jobs, Role::Artist, {"dry_run"}});
}

}  // namespace framemill::scheduler
