// /api/v1/jobs/{job}/frames, attempts, logs, explain: what a job has made, who tried, and why something waits.
#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

base::Status list_frames(const std::shared_ptr<Call>& call) {
  FrameQuery query;
  FM_ASSIGN(query.job, call->job());
  FM_ASSIGN(query.layer, call->text("layer"));
  FM_ASSIGN(query.variant, call->variant());
  FM_ASSIGN(query.after, call->text("after"));
  FM_ASSIGN(query.limit, call->limit());
  call->api->farm.frames(query, call->then<FramePage>([call](FramePage page) -> base::Status {
    json::array items;
    for (const FrameRow& row : page.rows) items.emplace_back(frame_json(row));
    call->answer(200, page_json(std::move(items), page.next));
    return {};
  }));
  return {};
}

using AttemptToJson = json::object (*)(const AttemptRow&, const PlanView&);

// Frames of attempts are told by the plan, so that comes first.
void answer_attempts(const std::shared_ptr<Call>& call, AttemptQuery query, AttemptToJson to_json) {
  call->api->farm.plan(query.job, call->then<PlanView>([call, query, to_json](PlanView plan) -> base::Status {
    call->api->farm.attempts(query, call->then<AttemptPage>([call, plan, to_json](AttemptPage page) -> base::Status {
      json::array items;
      for (const AttemptRow& row : page.rows) items.emplace_back(to_json(row, plan));
      call->answer(200, page_json(std::move(items), page.next));
      return {};
    }));
    return {};
  }));
}

base::Result<AttemptQuery> attempt_query(const Call& call) {
  AttemptQuery query;
  FM_ASSIGN(query.job, call.job());
  FM_ASSIGN(query.layer, call.text("layer"));
  FM_ASSIGN(query.after, call.text("after"));
  FM_ASSIGN(query.limit, call.limit());
  return query;
}

base::Status list_attempts(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(AttemptQuery query, attempt_query(*call));
  answer_attempts(call, std::move(query), attempt_json);
  return {};
}

base::Status list_logs(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(AttemptQuery query, attempt_query(*call));
  FM_ASSIGN(query.frame, call->frame());
  query.with_output = true;
  query.newest_first = true;
  answer_attempts(call, std::move(query), log_json);
  return {};
}

base::Status explain_job(const std::shared_ptr<Call>& call) {
  ExplainQuery query;
  FM_ASSIGN(query.job, call->job());
  FM_ASSIGN(query.layer, call->text("layer"));
  FM_ASSIGN(query.variant, call->variant());
  FM_ASSIGN(query.frame, call->frame());
  call->api->farm.plan(query.job, call->then<PlanView>([call, query](PlanView plan) -> base::Status {
    call->api->farm.explain(query, call->then<ExplainView>([call, plan](ExplainView view) -> base::Status {
      json::object body = explanation_json(view, plan);
      if (!view.layer.empty()) {
        call->answer(200, std::move(body));
        return {};
      }
      // No task is spoken of: the state is the job's.
      auto shared = std::make_shared<json::object>(std::move(body));
      call->api->farm.show_job(plan.job, call->then<JobRow>([call, shared](const JobRow& job) -> base::Status {
        (*shared)["state"] = json::string(jobs::name(job->state));
        call->answer(200, std::move(*shared));
        return {};
      }));
      return {};
    }));
    return {};
  }));
  return {};
}

}  // namespace

void add_history_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/jobs/{job}/frames", {list_frames, Role::Viewer, {"layer", "variant", "limit", "after"}});
  routes.add("GET", "/api/v1/jobs/{job}/attempts", {list_attempts, Role::Viewer, {"layer", "limit", "after"}});
  routes.add("GET", "/api/v1/jobs/{job}/logs", {list_logs, Role::Viewer, {"layer", "frame", "limit", "after"}});
  routes.add("GET", "/api/v1/jobs/{job}/explain", {explain_job, Role::Viewer, {"layer", "variant", "frame"}});
}

}  // namespace framemill::scheduler
