// /api/v1/reload and /api/v1/store: what keeps the scheduler's process and its store in order.
#include <fmt/format.h>

#include "scheduler/core/state/refusal.h"
#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"
#include "scheduler/http/upkeep_port.h"

namespace framemill::scheduler {
namespace {

base::Result<UpkeepPort*> upkeep_of(const Call& call) {
  if (call.api->upkeep != nullptr) return call.api->upkeep;
  return base::error_of(Refusal::FarmStopping, "the scheduler is starting", "", "try again in a few seconds");
}

json::value error_json(const std::optional<base::Error>& error) {
  if (!error) return nullptr;
  return json::object{
      {"code", text_json(error->code)}, {"message", text_json(error->message)}, {"hint", text_json(error->hint)}};
}

json::object copy_json(const StoreCopy& copy) {
  json::value file = nullptr;
  if (!copy.file.empty()) file = text_json(copy.file);
  return {
      {"file", std::move(file)},         {"size_bytes", copy.size_bytes},   {"durable_sequence", copy.durable_sequence},
      {"batches_checked", copy.batches}, {"commits_checked", copy.commits}, {"time", time_json(copy.time)}};
}

base::Status reload(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(UpkeepPort* upkeep, upkeep_of(*call));
  FM_TRY(call->body({}));
  upkeep->reload(call->caller.principal,
                 call->then<std::vector<ReloadedFile>>([call](const std::vector<ReloadedFile>& files) -> base::Status {
                   json::array list;
                   bool whole = true;
                   for (const ReloadedFile& file : files) {
                     whole = whole && !file.refused;
                     list.push_back(json::object{{"what", text_json(file.what)},
                                                 {"path", text_json(file.path)},
                                                 {"entries", file.entries},
                                                 {"refused", error_json(file.refused)},
                                                 {"note", text_json(file.note)}});
                   }
                   call->answer(200, {{"reloaded", whole}, {"files", std::move(list)}});
                   return {};
                 }));
  return {};
}

base::Status copy_store(const std::shared_ptr<Call>& call, UpkeepPort::Copy copy) {
  FM_ASSIGN(UpkeepPort* upkeep, upkeep_of(*call));
  FM_TRY(call->body({}));
  upkeep->copy_store(call->caller.principal, copy, call->then<StoreCopy>([call](const StoreCopy& made) -> base::Status {
    call->answer(200, copy_json(made));
    return {};
  }));
  return {};
}
base::Status back_up(const std::shared_ptr<Call>& call) {
  return copy_store(call, UpkeepPort::Copy::Keep);
}
base::Status verify(const std::shared_ptr<Call>& call) {
  return copy_store(call, UpkeepPort::Copy::CheckAlone);
}

base::Status show_store(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(UpkeepPort* upkeep, upkeep_of(*call));
  const StoreFigures figures = upkeep->figures();
  json::value copy = nullptr, damage = nullptr;
  if (figures.last_copy) copy = copy_json(*figures.last_copy);
  if (!figures.damage.empty()) damage = text_json(figures.damage);
  call->answer(200, {{"durable_sequence", figures.durable_sequence},
                     {"transactions", figures.transactions},
                     {"batches", figures.batches},
                     {"records", figures.records},
                     {"last_commit_us", figures.last_commit_us},
                     {"wal_bytes", figures.wal_bytes},
                     {"batches_queued", figures.batches_queued},
                     {"disk_full", figures.disk_full},
                     {"last_copy", std::move(copy)},
                     {"damage", std::move(damage)}});
  return {};
}

}  // namespace

void add_upkeep_routes(ApiRoutes& routes) {
  routes.add("POST", "/api/v1/reload", {reload, Role::Admin, {}});
  routes.add("GET", "/api/v1/store", {show_store, Role::Admin, {}});
  routes.add("POST", "/api/v1/store/backup", {back_up, Role::Admin, {}});
  routes.add("POST", "/api/v1/store/verify", {verify, Role::Admin, {}});
}

}  // namespace framemill::scheduler
