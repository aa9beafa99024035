// /api/v1/shares: the tree of fair shares, and its weights, guarantees and caps at run time, which admins set.
#include <algorithm>
#include <cmath>

#include "scheduler/core/state/refusal.h"
#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

json::object share_json(const ShareView& share) {
  json::value change = nullptr;
  if (!share.last_change.principal.empty())
    change = json::object{{"principal", text_json(share.last_change.principal)},
                          {"time", time_json(share.last_change.time)},
                          {"reason", text_json(share.last_change.reason)}};
  return {{"path", text_json(share.path)},
          {"is_user", share.is_user},
          {"weight", share.weight},
          {"guarantee", share.guarantee},
          {"slots_max", share.slots_max == 0 ? json::value(nullptr) : json::value(share.slots_max)},
          {"entitled", share.entitled},
          {"used", share.used},
          {"used_s", std::round(share.used_s * 1000) / 1000},
          {"slots", share.slots},
          {"tasks_ready", share.tasks_ready},
          {"why", text_json(share.why)},
          {"last_change", std::move(change)}};
}

base::Status list_shares(const std::shared_ptr<Call>& call) {
  call->api->farm.list_shares(call->then<ShareRows>([call](const ShareRows& shares) -> base::Status {
    json::array items;
    for (const ShareView& share : *shares) items.emplace_back(share_json(share));
    call->answer(200, {{"items", std::move(items)}});
    return {};
  }));
  return {};
}

base::Result<std::optional<std::uint32_t>> slots_of(const json::object& body, const char* key) {
  const json::value* slots = body.if_contains(key);
  if (slots == nullptr) return std::optional<std::uint32_t>();
  if (!slots->is_int64() || slots->get_int64() < 0 || slots->get_int64() > kShareSlotsMost)
    return bad_parameter(key, "must be a whole number of slots");
  return std::optional(static_cast<std::uint32_t>(slots->get_int64()));
}

base::Result<ShareRules> rules_of(const json::object& body) {
  ShareRules rules;
  if (const json::value* weight = body.if_contains("weight")) {
    if (!weight->is_number()) return bad_parameter("weight", "must be a number");
    rules.weight = weight->to_number<double>();
  }
  FM_ASSIGN(rules.guarantee, slots_of(body, "guarantee"));
  FM_ASSIGN(rules.slots_max, slots_of(body, "slots_max"));
  return rules;
}

base::Status set_share(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const json::object body, call->body({"path", "weight", "guarantee", "slots_max", "reset", "reason"}));
  ShareChange change;
  change.principal = call->caller.principal;
  FM_ASSIGN(change.reason, string_of(body, "reason", kReasonBytesMax));
  FM_ASSIGN(change.path, string_of(body, "path", 1000));
  if (change.path.empty()) return bad_parameter("path", "is missing");
  FM_ASSIGN(change.rules, rules_of(body));
  if (const json::value* reset = body.if_contains("reset")) {
    if (!reset->is_bool()) return bad_parameter("reset", "must be true or false");
    change.reset = reset->get_bool();
  }
  if (change.rules == ShareRules{} && !change.reset)
    return bad_parameter("weight", "is missing: give a weight, a guarantee, a cap, or reset");
  auto then_show = [call, path = change.path](Changed) -> base::Status {
    call->api->farm.list_shares(call->then<ShareRows>([call, path](const ShareRows& shares) -> base::Status {
      const auto share =
          std::find_if(shares->begin(), shares->end(), [&](const ShareView& each) { return each.path == path; });
      if (share == shares->end()) return base::error_of(Refusal::ShareUnknown, "share " + path + " is gone", "path");
      call->answer(200, share_json(*share));
      return {};
    }));
    return {};
  };
  call->api->farm.change_share(std::move(change), call->then<Changed>(then_show));
  return {};
}

}  // namespace

void add_share_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/shares", {list_shares, Role::Viewer, {}});
  routes.add("POST", "/api/v1/shares", {set_share, Role::Admin, {}});
}

}  // namespace framemill::scheduler
