// /api/v1/limits: licences and slots of models that the farm has a limited number of, who uses them, and how many there
// are from now on.
#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr std::int64_t kCountMax = 1'000'000;

json::object limit_json(const LimitView& limit) {
  json::array users;
  for (const auto& [job, slots] : limit.users) users.emplace_back(json::object{{"job", job.value}, {"slots", slots}});
  json::value changed = nullptr;
  if (!limit.last_change.principal.empty()) changed = cause_json(limit.last_change);
  return {{"name", text_json(limit.name)}, {"kind", limit.is_model ? "model" : "token"},
          {"count", limit.count},          {"configured", limit.configured},
          {"in_use", limit.in_use},        {"waiting", limit.waiting},
          {"users", std::move(users)},     {"changed", std::move(changed)}};
}

base::Status list_limits(const std::shared_ptr<Call>& call) {
  call->api->farm.list_limits(call->then<LimitRows>([call](const LimitRows& limits) -> base::Status {
    json::array items;
    for (const LimitView& limit : *limits) items.emplace_back(limit_json(limit));
    call->answer(200, {{"items", std::move(items)}});
    return {};
  }));
  return {};
}

base::Status set_limit(const std::shared_ptr<Call>& call) {
  LimitChange wanted;
  wanted.principal = call->caller.principal;
  wanted.name = call->path.at("limit");
  FM_ASSIGN(const json::object body, call->body({"count", "reason"}));
  const json::value* count = body.if_contains("count");
  if (count == nullptr || !count->is_int64() || count->get_int64() < 0 || count->get_int64() > kCountMax)
    return bad_parameter("count", "must be a whole number from 0 to 1000000");
  wanted.count = static_cast<std::uint32_t>(count->get_int64());
  FM_ASSIGN(wanted.reason, string_of(body, "reason", kReasonBytesMax));
  call->api->farm.change_limit(wanted, call->then<Changed>([call, wanted](Changed) -> base::Status {
    call->answer(200, {{"name", text_json(wanted.name)}, {"count", wanted.count}});
    return {};
  }));
  return {};
}

}  // namespace

void add_limit_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/limits", {list_limits, Role::Viewer, {}});
  routes.add("POST", "/api/v1/limits/{limit}", {set_limit, Role::Admin, {}});
}

}  // namespace framemill::scheduler
