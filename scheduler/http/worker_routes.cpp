// /api/v1/workers: the list, drain, undrain, revoke, clear-quarantine. A worker is named by its id or its name.
#include <fmt/format.h>

#include "base/rfc3339.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

base::Status list_workers(const std::shared_ptr<Call>& call) {
  call->api->farm.list_workers(
      call->then<std::vector<WorkerRow>>([call](const std::vector<WorkerRow>& workers) -> base::Status {
        json::array items;
        for (const WorkerRow& worker : workers) items.emplace_back(worker_json(*worker));
        call->answer(200, {{"items", std::move(items)}});
        return {};
      }));
  return {};
}

// An id wins over a name made of digits.
base::Result<WorkerRow> find_worker(const std::vector<WorkerRow>& workers, const std::string& wanted) {
  WorkerRow by_name;
  int named_so = 0;
  for (const WorkerRow& worker : workers) {
    if (std::to_string(worker->id.value) == wanted) return worker;
    if (worker->name != wanted) continue;
    by_name = worker;
    ++named_so;
  }
  if (named_so == 1) return by_name;
  if (named_so == 0) {
    return base::error_of(Refusal::WorkerUnknown, "unknown worker " + wanted, "worker", "framemill workers lists them");
  }
  return base::error_of(Refusal::WorkerAmbiguous, fmt::format("{} workers are named {}", named_so, wanted), "worker",
                        "give the worker's number");
}

// The moment under "at"; nothing where it is absent.
base::Result<std::optional<base::WallTime>> moment_of(const json::object& body) {
  const json::value* at = body.if_contains("at");
  if (at == nullptr) return std::optional<base::WallTime>();
  const auto moment = at->is_string() ? base::parse_rfc3339(std::string_view(at->get_string())) : std::nullopt;
  if (!moment) return bad_parameter("at", "must be a moment in RFC 3339 with an offset");
  return moment;
}

base::Status change(const std::shared_ptr<Call>& call, WorkerAction verb, const json::object& body) {
  FM_ASSIGN(const std::string reason, string_of(body, "reason", kReasonBytesMax));
  FM_ASSIGN(const std::optional<base::WallTime> at, moment_of(body));
  auto find_again = [call](Changed changed) -> base::Status {
    call->api->farm.list_workers(
        call->then<std::vector<WorkerRow>>([call, changed](const std::vector<WorkerRow>& workers) -> base::Status {
          FM_ASSIGN(const WorkerRow worker, find_worker(workers, call->path.at("worker")));
          call->answer(200, {{"worker", worker->id.value},
                             {"name", text_json(worker->name)},
                             {"state", jobs::name(worker->state)},
                             {"drain_at", time_json(worker->drain_at)},
                             {"tasks_taken_back", changed.tasks},
                             {"tasks_held", worker->tasks_held}});
          return {};
        }));
    return {};
  };
  call->api->farm.list_workers(call->then<std::vector<WorkerRow>>(
      [call, verb, reason, at, find_again](const std::vector<WorkerRow>& workers) -> base::Status {
        FM_ASSIGN(const WorkerRow worker, find_worker(workers, call->path.at("worker")));
        call->api->farm.change_worker({call->caller.principal, reason, worker->id, verb, at},
                                      call->then<Changed>(find_again));
        return {};
      }));
  return {};
}

base::Status drain_worker(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const json::object body, call->body({"at", "reason"}));
  return change(call, WorkerAction::Drain, body);
}
base::Status undrain_worker(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const json::object body, call->body({"reason"}));
  return change(call, WorkerAction::Undrain, body);
}
base::Status revoke_worker(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const json::object body, call->body({"reason"}));
  return change(call, WorkerAction::Revoke, body);
}
base::Status clear_quarantine(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const json::object body, call->body({"reason"}));
  return change(call, WorkerAction::ClearQuarantine, body);
}

}  // namespace

void add_worker_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/workers", {list_workers, Role::Viewer, {}});
  routes.add("POST", "/api/v1/workers/{worker}/drain", {drain_worker, Role::Admin, {}});
  routes.add("POST", "/api/v1/workers/{worker}/undrain", {undrain_worker, Role::Admin, {}});
  routes.add("POST", "/api/v1/workers/{worker}/revoke", {revoke_worker, Role::Admin, {}});
  routes.add("POST", "/api/v1/workers/{worker}/clear-quarantine", {clear_quarantine, Role::Admin, {}});
}

}  // namespace framemill::scheduler
