// /api/v1/events, version, roots, and the two health checks.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "base/clock.h"
#include "net/sse.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/http/call.h"
#include "scheduler/http/forecast_json.h"
#include "scheduler/http/to_json.h"
#include "scheduler/http/upkeep_port.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kSnapshotJobsMax = 200;
constexpr std::size_t kSnapshotBytesMax = 512 * 1024;

// The one event that says: what you know may be out of date, here is what is now.
std::string resync_bytes(const ApiState& api, std::string_view what, json::value snapshot) {
  json::object event{{"type", "resync"},
                     {"what", json::string(what)},
                     {"job", nullptr},
                     {"layer", nullptr},
                     {"worker", nullptr},
                     {"time", time_json(base::wall_now())},
                     {"detail", "events were lost; reload the state"}};
  event["snapshot"] = std::move(snapshot);
  const auto last = api.events.last_id();
  return net::format_sse({last ? last->text() : "", "resync", json::serialize(event)});
}

// Live jobs and workers as they stand; null where that is too much for one event.
json::value snapshot_of(const std::vector<JobRow>& jobs, const std::vector<WorkerRow>& workers,
                        const Foretold& foretold) {
  json::object snapshot;
  json::array job_list, worker_list;
  for (const JobRow& job : jobs) {
    json::object summary = job_summary_json(*job);
    add_foretold(summary, *job, foretold);
    job_list.emplace_back(std::move(summary));
  }
  for (const WorkerRow& worker : workers) worker_list.emplace_back(worker_json(*worker));
  snapshot["jobs"] = std::move(job_list);
  snapshot["workers"] = std::move(worker_list);
  if (jobs.size() > kSnapshotJobsMax || json::serialize(snapshot).size() > kSnapshotBytesMax) return nullptr;
  return snapshot;
}

// The reader goes on from where the snapshot was asked for: what happens meanwhile comes twice rather than never.
void resync(const std::shared_ptr<Call>& call, std::string_view what, std::optional<JobId> job) {
  const EventHub::Position from = call->api->events.end();
  JobFilter live;
  live.live = true;
  live.limit = kSnapshotJobsMax + 1;
  call->api->farm.list_jobs(
      live, call->then<std::vector<JobRow>>([call, what, job, from](const std::vector<JobRow>& jobs) -> base::Status {
        call->api->farm.list_workers(
            call->then<std::vector<WorkerRow>>([=](const std::vector<WorkerRow>& workers) -> base::Status {
              const Foretold foretold{call->api->farm.forecasts(), base::wall_now()};
              return call->api->events.attach(call->caller, call->respond,
                                              resync_bytes(*call->api, what, snapshot_of(jobs, workers, foretold)),
                                              from, job);
            }));
        return {};
      }));
}

base::Status stream_events(const std::shared_ptr<Call>& call) {
  EventHub& events = call->api->events;
  FM_ASSIGN(const auto wanted, call->integer("job", 1, UINT32_MAX));
  const auto job = wanted ? std::optional<JobId>(JobId(static_cast<std::uint32_t>(*wanted))) : std::nullopt;
  const std::string* given = call->request.header("Last-Event-ID");
  if (given == nullptr || given->empty()) {
    // A lone id makes the place known at which a reader without any event resumes.
    const auto last = events.last_id();
    return events.attach(call->caller, call->respond, last ? "id: " + last->text() + "\n\n" : net::sse_keep_alive(),
                         events.end(), job);
  }
  const auto id = EventId::parse(*given);
  if (!id) return bad_parameter("Last-Event-ID", "must be the id of an event, as 3.17-2");
  if (const auto position = events.after(*id)) {
    return events.attach(call->caller, call->respond, net::sse_keep_alive(), *position, job);
  }
  const auto last = events.last_id();
  resync(call, last && *id > *last ? "HistoryLost" : "TooOld", job);
  return {};
}

base::Status show_version(const std::shared_ptr<Call>& call) {
  call->api->farm.health(call->then<Health>([call](Health health) -> base::Status {
    call->answer(200, {{"version", call->api->version},
                       {"api", "framemill/v1"},
                       {"epoch", health.epoch},
                       {"principal", text_json(call->caller.principal)},
                       {"role", json::string(name(call->caller.role))}});
    return {};
  }));
  return {};
}

json::object root_json(const std::string& root, const std::string& path, const std::set<std::string>& workers) {
  json::array seen_by;
  for (const std::string& worker : workers) seen_by.emplace_back(text_json(worker));
  json::value shown = nullptr;
  if (!path.empty()) shown = text_json(path);
  return {{"name", text_json(root)}, {"path", std::move(shown)}, {"workers", std::move(seen_by)}};
}

base::Status list_roots(const std::shared_ptr<Call>& call) {
  call->api->farm.roots(call->then<std::vector<RootView>>([call](std::vector<RootView> mapped) -> base::Status {
    call->api->farm.list_workers(
        call->then<std::vector<WorkerRow>>([call, mapped](const std::vector<WorkerRow>& workers) -> base::Status {
          struct Root {
            std::string path;
            std::set<std::string> workers;
          };
          std::map<std::string, Root> roots;
          // Where things lie on the server is for those who run it.
          for (const RootView& root : mapped) roots[root.name].path = call->caller.role == Role::Admin ? root.path : "";
          for (const WorkerRow& worker : workers) {
            for (const RootSeen& root : worker->roots) {
              if (root.usable) roots[root.name].workers.insert(worker->name);
            }
          }
          json::array items;
          for (const auto& [name, root] : roots) items.emplace_back(root_json(name, root.path, root.workers));
          call->answer(200, {{"items", std::move(items)}});
          return {};
        }));
    return {};
  }));
  return {};
}

base::Status health(const std::shared_ptr<Call>& call) {
  call->answer(200, {{"status", "ok"}});
  return {};
}

base::Status readiness(const std::shared_ptr<Call>& call) {
  call->api->farm.health(call->then<Health>([call](Health state) -> base::Status {
    if (!state.ready)
      return base::error_of(state.stopping ? Refusal::FarmStopping : Refusal::StoreReadOnly, state.sentence);
    // The farm goes on, but somebody has to look: what is acknowledged now may stand on sand.
    if (const UpkeepPort* upkeep = call->api->upkeep)
      if (const std::string damage = upkeep->figures().damage; !damage.empty())
        return base::Error{"store.damaged", damage, "", "see docs/OPERATIONS.md: the store is damaged"};
    call->answer(200, {{"status", "ok"}});
    return {};
  }));
  return {};
}

}  // namespace

void add_system_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/events", {stream_events, Role::Viewer, {"job"}});
  routes.add("GET", "/api/v1/version", {show_version, Role::Viewer, {}});
  routes.add("GET", "/api/v1/roots", {list_roots, Role::Viewer, {}});
  routes.add("GET", "/healthz", {health, std::nullopt, {}});
  routes.add("GET", "/readyz", {readiness, std::nullopt, {}});
}

}  // namespace framemill::scheduler
