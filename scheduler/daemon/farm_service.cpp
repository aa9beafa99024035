#include "scheduler/daemon/farm_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "jobs/check.h"
#include "scheduler/daemon/history.h"

namespace framemill::scheduler {
namespace {

base::Error no_such_job(JobId job) {
  return {"job.unknown", fmt::format("there is no job {}", job.value), "job", "framemill jobs lists them"};
}

// Facts of every model that the spec names; check_job has found them all.
std::vector<jobs::PackageFacts> facts_of(const jobs::JobSpec& spec, const jobs::PackageCatalogue& packages) {
  std::set<std::string> models;
  for (const jobs::LayerSpec& layer : spec.layers)
    if (const auto* generate = std::get_if<jobs::GenerateSpec>(&layer.work)) models.insert(generate->model);
  std::vector<jobs::PackageFacts> facts;
  for (const std::string& model : models)
    if (const jobs::PackageFacts* found = packages.find(model)) facts.push_back(*found);
  return facts;
}

// The same submit again has the same body; whatever differs, differs here.
base::Sha256 body_digest(const SubmitRequest& request) {
  base::Sha256Sum sum;
  sum.add(fmt::format("{}:{}:", static_cast<int>(request.format), request.text.size()));
  sum.add(request.text);
  for (const auto& [key, value] : request.overrides) sum.add(fmt::format("{}:{}={}:{};", key.size(), key, value.size(), value));
  return sum.finish();
}

bool wanted(const JobView& view, const JobFilter& filter, const Farm& farm) {
  if (filter.live && *filter.live == jobs::is_final(view.state)) return false;
  if (!filter.principal.empty() && view.principal != filter.principal) return false;
  if (filter.state && view.state != *filter.state) return false;
  if (!filter.show.empty() && view.show != filter.show) return false;
  if (filter.before && view.id >= filter.before) return false;
  if (filter.shot.empty() || view.shot == filter.shot) return true;
  const JobRecord* job = farm.job(view.id);
  if (job == nullptr) return false;
  const std::vector<std::string> shots = jobs::shots_of(*job->spec);
  return std::find(shots.begin(), shots.end(), filter.shot) != shots.end();
}

template <class T>
std::function<void(base::Result<AnswerValue>)> unwrap(Reply<T> reply) {
  return [reply = std::move(reply)](base::Result<AnswerValue> answer) {
    if (!answer.ok()) return reply(answer.error());
    reply(std::get<T>(*answer));
  };
}

}  // namespace

FarmService::FarmService(net::EventLoop& loop, Scheduler& scheduler, std::shared_ptr<const jobs::PackageCatalogue> packages,
                         std::map<std::string, std::filesystem::path> roots)
    : loop_(loop), scheduler_(scheduler), packages_(std::move(packages)), roots_(std::move(roots)) {}

void FarmService::on_loop(std::function<void()> function) { loop_.post(std::move(function)); }

void FarmService::submit(SubmitRequest request, Reply<SubmitReply> reply) {
  jobs::CheckReport parsed = jobs::check_job(request.text, request.format, request.overrides, packages_.get());
  if (!parsed.errors.empty() || !parsed.spec) return reply(SubmitReply{{}, std::move(parsed.errors)});

  JobSubmitted event;
  event.cause = {request.principal, base::wall_now(), request.reason};
  event.packages = facts_of(*parsed.spec, *packages_);
  event.spec = std::make_shared<const jobs::JobSpec>(*std::move(parsed.spec));
  event.token = request.token;
  event.body = body_digest(request);
  on_loop([this, event = std::move(event), reply = std::move(reply)]() mutable {
    event.request = scheduler_.expect([reply = std::move(reply)](base::Result<AnswerValue> answer) {
      if (!answer.ok()) return reply(answer.error());
      reply(SubmitReply{std::get<Submitted>(*answer), {}});
    });
    scheduler_.apply(std::move(event));
  });
}

void FarmService::change_job(JobChange change, Reply<Changed> reply) {
  on_loop([this, change = std::move(change), reply = std::move(reply)]() mutable {
    JobChangeAsked event;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.job = change.job;
    event.verb = change.verb;
    event.priority = change.priority;
    event.layer = change.layer;
    event.frames = change.frames;
    event.request = scheduler_.expect(unwrap<Changed>(std::move(reply)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::change_worker(WorkerChange change, Reply<Changed> reply) {
  on_loop([this, change = std::move(change), reply = std::move(reply)]() mutable {
    WorkerChangeAsked event;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.worker = change.worker;
    event.verb = change.verb;
    event.request = scheduler_.expect(unwrap<Changed>(std::move(reply)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::list_jobs(JobFilter filter, Reply<std::vector<JobView>> reply) {
  on_loop([this, filter = std::move(filter), reply = std::move(reply)] {
    std::vector<JobView> views = scheduler_.farm().list_jobs(filter.live.value_or(false));
    std::erase_if(views, [&](const JobView& view) { return !wanted(view, filter, scheduler_.farm()); });
    if (views.size() > filter.limit) views.resize(filter.limit);
    reply(std::move(views));
  });
}

void FarmService::show_job(JobId job, Reply<JobView> reply) {
  on_loop([this, job, reply = std::move(reply)] {
    auto view = scheduler_.farm().show_job(job);
    if (!view) return reply(no_such_job(job));
    reply(*std::move(view));
  });
}

void FarmService::list_workers(Reply<std::vector<WorkerView>> reply) {
  on_loop([this, reply = std::move(reply)] { reply(scheduler_.farm().list_workers(base::now())); });
}

void FarmService::plan(JobId job, Reply<PlanView> reply) {
  on_loop([this, job, reply = std::move(reply)] {
    const JobRecord* record = scheduler_.farm().job(job);
    if (record == nullptr) return reply(no_such_job(job));
    reply(PlanView{job, record->version, record->spec, record->plan, record->packages});
  });
}

void FarmService::explain(ExplainQuery query, Reply<ExplainView> reply) {
  on_loop([this, query = std::move(query), reply = std::move(reply)] {
    reply(scheduler_.farm().explain(query.job, query.layer, query.variant, query.frame, base::now()));
  });
}

void FarmService::frames(FrameQuery query, Reply<FramePage> reply) {
  on_loop([this, query = std::move(query), reply = std::move(reply)]() mutable {
    if (scheduler_.farm().job(query.job) == nullptr) return reply(no_such_job(query.job));
    page_of_frames(loop_, scheduler_, std::move(query), std::move(reply));
  });
}

void FarmService::attempts(AttemptQuery query, Reply<AttemptPage> reply) {
  on_loop([this, query = std::move(query), reply = std::move(reply)]() mutable {
    if (scheduler_.farm().job(query.job) == nullptr) return reply(no_such_job(query.job));
    page_of_attempts(loop_, scheduler_, std::move(query), std::move(reply));
  });
}

void FarmService::roots(Reply<std::vector<RootView>> reply) {
  std::vector<RootView> views;
  for (const auto& [name, path] : roots_) views.push_back({name, path.string()});
  reply(std::move(views));
}

void FarmService::health(Reply<Health> reply) {
  on_loop([this, reply = std::move(reply)] { reply(scheduler_.health()); });
}

}  // namespace framemill::scheduler
