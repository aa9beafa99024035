// /api/v1/usage: who uses the farm, and what it cost, by show and person. Summed on this thread over the published rows.
#include <algorithm>
#include <map>
#include <utility>

#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

struct UseSum {
  std::uint64_t jobs = 0, jobs_live = 0, frames_published = 0, retries = 0, windows_run_twice = 0, model_loads = 0,
                device_us = 0;

  void add(const JobView& job) {
    ++jobs;
    jobs_live += jobs::is_final(job.state) ? 0 : 1;
    frames_published += job.frames_published;
    retries += job.retries;
    windows_run_twice += job.windows_run_twice;
    model_loads += job.model_loads;
    device_us += job.device_us;
  }
};

json::object use_json(const std::string& show, const std::string& principal, const UseSum& sum) {
  return {{"show", text_json(show)},
          {"principal", text_json(principal)},
          {"jobs", sum.jobs},
          {"jobs_live", sum.jobs_live},
          {"frames_published", sum.frames_published},
          {"retries", sum.retries},
          {"windows_run_twice", sum.windows_run_twice},
          {"model_loads", sum.model_loads},
          {"device_us", sum.device_us}};
}

base::Status show_usage(const std::shared_ptr<Call>& call) {
  JobFilter filter;
  FM_ASSIGN(filter.show, call->text("show"));
  FM_ASSIGN(filter.principal, call->text("principal"));
  FM_ASSIGN(filter.live, call->boolean("live"));
  filter.limit = UINT32_MAX;
  call->api->farm.list_jobs(filter, call->then<std::vector<JobRow>>([call](const std::vector<JobRow>& jobs) {
    std::map<std::pair<std::string, std::string>, UseSum> sums;
    for (const JobRow& job : jobs) sums[{job->show, job->principal}].add(*job);
    std::vector<std::pair<const std::pair<std::string, std::string>*, const UseSum*>> rows;
    for (const auto& [who, sum] : sums) rows.emplace_back(&who, &sum);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second->device_us > b.second->device_us; });
    json::array items;
    for (const auto& [who, sum] : rows) items.emplace_back(use_json(who->first, who->second, *sum));
    call->answer(200, {{"items", std::move(items)}});
    return base::Status();
  }));
  return {};
}

}  // namespace

void add_usage_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/usage", {show_usage, Role::Viewer, {"show", "principal", "live"}});
}

}  // namespace framemill::scheduler
