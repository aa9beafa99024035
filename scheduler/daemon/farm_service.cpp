#include "scheduler/daemon/farm_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/clock.h"
#include "jobs/check.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kProbePatience = base::seconds(1);

// Facts of every model that the spec names; check_job has found them all.
std::vector<jobs::PackageFacts> facts_of(const jobs::JobSpec& spec, const jobs::PackageCatalogue& packages) {
  std::set<std::string> models;
  for (const jobs::LayerSpec& layer : spec.layers)
    if (!layer.model().empty()) models.insert(layer.model());
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
  for (const auto& [key, value] : request.overrides)
    sum.add(fmt::format("{}:{}={}:{};", key.size(), key, value.size(), value));
  return sum.finish();
}

base::Error busy() {
  return base::error_of(Refusal::FarmBusy, "too many requests are waiting for the scheduler", "",
                        "try again in a few seconds");
}

template <class T>
std::function<void(base::Result<AnswerValue>)> unwrap(Reply<T> reply) {
  return [reply = std::move(reply)](base::Result<AnswerValue> answer) {
    if (!answer.ok()) return reply(answer.error());
    reply(std::get<T>(*answer));
  };
}

}  // namespace

FarmService::FarmService(net::EventLoop& loop, Scheduler& scheduler, store::History& history,
                         std::shared_ptr<const jobs::PackageCatalogue> packages,
                         std::map<std::string, std::filesystem::path> roots, Versions versions)
    : loop_(loop), scheduler_(scheduler), packages_(std::move(packages)), roots_(std::move(roots)), versions_(versions),
      probe_(roots_), board_(std::make_shared<ViewBoard>()), history_{history, board_}, queue_(loop) {
  scheduler_.on_views(
      [board = board_](ViewChanges changes, Health health) { board->put(std::move(changes), std::move(health)); });
}

template <class T>
void FarmService::queue_change(Reply<T> reply, std::function<void(Reply<T>)> function) {
  if (!queue_.add_change([reply, function = std::move(function)] { function(reply); })) reply(busy());
}

template <class T>
void FarmService::queue_read(Reply<T> reply, std::function<void(Reply<T>)> function) {
  const bool queued = queue_.add_read([reply, function = std::move(function)] {
    function(reply);
    return RequestQueue::Next::Done;
  });
  if (!queued) reply(busy());
}

template <class T>
void FarmService::queue_search(Reply<T> reply, std::function<void(Reply<T>)> function) {
  const bool queued = searches_.add([reply, function = std::move(function)](SearchQueue::Done done) {
    function([reply, done = std::move(done)](base::Result<T> result) { done([&] { reply(std::move(result)); }); });
  });
  if (!queued) reply(busy());
}

void FarmService::submit(SubmitRequest request, Reply<SubmitReply> reply) {
  jobs::CheckReport parsed = jobs::check_job(request.text, request.format, request.overrides, packages_.get());
  if (!parsed.errors.empty() || !parsed.spec) return reply(SubmitReply{{}, std::move(parsed.errors)});

  JobSubmitted event;
  event.cause = {request.principal, base::wall_now(), request.reason};
  event.packages = facts_of(*parsed.spec, *packages_);
  event.spec = std::make_shared<const jobs::JobSpec>(*std::move(parsed.spec));
  event.token = request.token;
  event.body = body_digest(request);
  for (const jobs::SpecError& warning : parsed.warnings) event.warnings.push_back(jobs::sentence(warning));
  if (versions_ == Versions::OfTheStore || event.spec->version)
    return look_at_inputs(std::move(event), std::move(reply));
  skip_versions_on_disk(std::move(event), std::move(reply));
}

// The versions that a restored store hands out may have been used by jobs that it does not know.
void FarmService::skip_versions_on_disk(JobSubmitted event, Reply<SubmitReply> reply) {
  struct Held {
    JobSubmitted event;
    Reply<SubmitReply> reply;
    std::uint32_t next = 1;
    net::Timer patience;
  };
  auto held = std::make_shared<std::optional<Held>>(Held{std::move(event), std::move(reply), 1, {}});
  const auto go_on = [this, held](std::uint32_t version) {  // loop thread
    if (!*held) return;
    Held taken = std::move(**held);
    held->reset();
    if (version > taken.next) {
      auto spec = std::make_shared<jobs::JobSpec>(*taken.event.spec);
      spec->version = version;
      taken.event.spec = std::move(spec);
      taken.event.warnings.push_back(
          fmt::format("files of version {} are there already, of a job that the restored store does not know: this job "
                      "gets version {}",
                      taken.next, version));
    }
    look_at_inputs(std::move(taken.event), std::move(taken.reply));
  };
  loop_.post([this, held, go_on] {
    Held& waiting = **held;
    waiting.next = scheduler_.farm().next_version(*waiting.event.spec);
    const bool asked = probe_.ask_version(waiting.event.spec, waiting.next, [this, go_on](std::uint32_t version) {
      loop_.post([go_on, version] { go_on(version); });
    });
    if (!asked) return go_on(waiting.next);
    waiting.patience = loop_.call_after(kProbePatience, [go_on] { go_on(0); });
  });
}

void FarmService::look_at_inputs(JobSubmitted event, Reply<SubmitReply> reply) {
  if (!probe_.concerns(*event.spec)) return queue_submit(std::move(event), std::move(reply), {});
  // The warnings of the probe, or none when the storage is slow: whichever comes first carries the submit on, once.
  struct Held {
    JobSubmitted event;
    Reply<SubmitReply> reply;
    net::Timer patience;
  };
  auto held = std::make_shared<std::optional<Held>>(Held{std::move(event), std::move(reply), {}});
  const auto go_on = [this, held](std::vector<std::string> warnings) {  // loop thread
    if (!*held) return;
    Held taken = std::move(**held);
    held->reset();
    queue_submit(std::move(taken.event), std::move(taken.reply), std::move(warnings));
  };
  const bool asked = probe_.ask((*held)->event.spec, [this, go_on](std::vector<std::string> warnings) {
    loop_.post([go_on, warnings = std::move(warnings)]() mutable { go_on(std::move(warnings)); });
  });
  loop_.post([this, held, go_on, asked] {
    if (!asked) return go_on({});
    if (*held) (*held)->patience = loop_.call_after(kProbePatience, [go_on] { go_on({}); });
  });
}

void FarmService::queue_submit(JobSubmitted event, Reply<SubmitReply> reply, std::vector<std::string> warnings) {
  queue_change<SubmitReply>(std::move(reply), [this, event = std::move(event),
                                               warnings = std::move(warnings)](Reply<SubmitReply> answer_to) mutable {
    event.request = scheduler_.expect(
        [answer_to = std::move(answer_to), warnings = std::move(warnings)](base::Result<AnswerValue> answer) {
          if (!answer.ok()) return answer_to(answer.error());
          Submitted submitted = std::get<Submitted>(*answer);
          submitted.warnings.insert(submitted.warnings.end(), warnings.begin(), warnings.end());
          answer_to(SubmitReply{std::move(submitted), {}});
        });
    scheduler_.apply(std::move(event));
  });
}

void FarmService::change_job(JobChange change, Reply<Changed> reply) {
  queue_change<Changed>(std::move(reply), [this, change = std::move(change)](Reply<Changed> answer_to) {
    JobChangeRequested event;
    event.remake = change.remake;
    event.replace = change.replace;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.job = change.job;
    event.verb = change.verb;
    event.priority = change.priority;
    event.waives_waits = change.waives_waits;
    event.deadline = change.deadline;
    if (change.hold_for) event.until = base::WallTime{event.cause.time.unix_ms + change.hold_for->ms};
    event.layer = change.layer;
    event.frames = change.frames;
    if (event.remake) return remake(std::move(event), std::move(answer_to));
    event.request = scheduler_.expect(unwrap<Changed>(std::move(answer_to)));
    scheduler_.apply(std::move(event));
  });
}

// Jobs that are still to be changed, and what came of the others.
struct FarmService::ChangeOfMany {
  JobsChange change;
  std::vector<JobId> jobs;
  std::size_t next = 0;
  JobsChangeReply reply;
  Reply<JobsChangeReply> answer_to;
};

void FarmService::change_jobs(JobsChange change, Reply<JobsChangeReply> reply) {
  auto many = std::make_shared<ChangeOfMany>();
  change.filter.live = true;
  change.filter.before = {};
  change.filter.limit = UINT32_MAX;
  for (JobRow& row : board_->jobs(change.filter)) {
    many->jobs.push_back(row->id);
    ++many->reply.states[row->state];
    if (many->reply.jobs.size() < kSelectedJobsShown) many->reply.jobs.push_back(std::move(row));
  }
  many->reply.matched = static_cast<std::uint32_t>(many->jobs.size());
  if (change.dry_run || many->jobs.empty()) return reply(std::move(many->reply));
  many->change = std::move(change);
  many->answer_to = std::move(reply);
  queue_change<JobsChangeReply>(many->answer_to, [this, many](Reply<JobsChangeReply>) { change_next(many); });
}

// One turn's worth. The next is begun when that is on disk, so that a change of ten thousand jobs is never more than a
// small part of what the loop has to do.
void FarmService::change_next(std::shared_ptr<ChangeOfMany> many) {
  JobsChangeRequested event;
  event.cause = {many->change.principal, base::wall_now(), many->change.reason};
  event.verb = many->change.verb;
  event.priority = many->change.priority;
  if (many->change.hold_for) event.until = base::WallTime{event.cause.time.unix_ms + many->change.hold_for->ms};
  event.only_in = many->change.filter.state;
  if (many->next == 0) event.selected = fmt::format("{}: {} jobs", many->change.selected, many->reply.matched);
  const std::size_t end = std::min(many->next + kJobsPerChange, many->jobs.size());
  while (many->next < end) event.jobs.push_back(many->jobs[many->next++]);
  event.request = scheduler_.expect([this, many](base::Result<AnswerValue> answer) {
    if (!answer.ok()) {
      const std::string done = fmt::format("after {} of {} jobs", many->reply.changed, many->reply.matched);
      return many->answer_to(many->reply.changed == 0 ? answer.error() : answer.error().wrapped(done));
    }
    const auto& outcome = std::get<JobsChanged>(*answer);
    many->reply.changed += outcome.changed;
    many->reply.skipped += outcome.skipped;
    if (many->next == many->jobs.size()) return many->answer_to(std::move(many->reply));
    loop_.post([this, many] { change_next(many); });
  });
  scheduler_.apply(std::move(event));
}

// What comes out is compared with what is on record: the core does not keep that, so it is read first.
void FarmService::remake(JobChangeRequested event, Reply<Changed> answer_to) {
  const auto tasks = scheduler_.farm().tasks_to_remake(event);
  if (!tasks.ok()) return answer_to(tasks.error());
  scheduler_.find_commits(*tasks, [this, event = std::move(event), answer_to = std::move(answer_to)](
                                      base::Result<std::vector<CommitRecord>> commits) mutable {
    if (!commits.ok()) return answer_to(commits.error());
    event.on_record = *std::move(commits);
    event.request = scheduler_.expect(unwrap<Changed>(std::move(answer_to)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::change_worker(WorkerChange change, Reply<Changed> reply) {
  queue_change<Changed>(std::move(reply), [this, change = std::move(change)](Reply<Changed> answer_to) {
    WorkerChangeRequested event;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.worker = change.worker;
    event.verb = change.verb;
    event.at = change.at;
    event.request = scheduler_.expect(unwrap<Changed>(std::move(answer_to)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::change_share(ShareChange change, Reply<Changed> reply) {
  queue_change<Changed>(std::move(reply), [this, change = std::move(change)](Reply<Changed> answer_to) {
    ShareChangeRequested event;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.path = change.path;
    event.rules = change.rules;
    event.reset = change.reset;
    event.request = scheduler_.expect(unwrap<Changed>(std::move(answer_to)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::list_shares(Reply<ShareRows> reply) {
  reply(board_->shares());
}

void FarmService::list_jobs(JobFilter filter, Reply<std::vector<JobRow>> reply) {
  reply(board_->jobs(filter));
}

void FarmService::show_job(JobId job, Reply<JobRow> reply) {
  JobRow row = board_->job(job);
  if (!row) return reply(no_such_job(job));
  reply(std::move(row));
}

void FarmService::list_workers(Reply<std::vector<WorkerRow>> reply) {
  reply(board_->workers());
}

void FarmService::plan(JobId job, Reply<PlanView> reply) {
  const auto plan = board_->plan(job);
  if (!plan) return reply(no_such_job(job));
  reply(*plan);
}

void FarmService::list_limits(Reply<LimitRows> reply) {
  reply(board_->limits());
}

void FarmService::change_limit(LimitChange change, Reply<Changed> reply) {
  queue_change<Changed>(std::move(reply), [this, change = std::move(change)](Reply<Changed> answer_to) {
    LimitChangeRequested event;
    event.cause = {change.principal, base::wall_now(), change.reason};
    event.name = change.name;
    event.count = change.count;
    event.request = scheduler_.expect(unwrap<Changed>(std::move(answer_to)));
    scheduler_.apply(std::move(event));
  });
}

void FarmService::explain(ExplainQuery query, Reply<ExplainView> reply) {
  queue_read<ExplainView>(std::move(reply), [this, query = std::move(query)](const Reply<ExplainView>& answer_to) {
    answer_to(scheduler_.farm().explain(query.job, query.layer, query.variant, query.frame, base::now()));
  });
}

void FarmService::frames(FrameQuery query, Reply<FramePage> reply) {
  queue_search<FramePage>(std::move(reply), [this, query = std::move(query)](Reply<FramePage> answer_to) {
    page_of_frames(history_, query, std::move(answer_to));
  });
}

void FarmService::diagnose(JobId job, Reply<DiagnosisView> reply) {
  queue_read<DiagnosisView>(std::move(reply), [this, job](const Reply<DiagnosisView>& answer_to) {
    answer_to(scheduler_.farm().diagnose(job, base::now()));
  });
}

void FarmService::attempts(AttemptQuery query, Reply<AttemptPage> reply) {
  queue_search<AttemptPage>(std::move(reply), [this, query = std::move(query)](Reply<AttemptPage> answer_to) {
    page_of_attempts(history_, query, std::move(answer_to));
  });
}

void FarmService::roots(Reply<std::vector<RootView>> reply) {
  std::vector<RootView> views;
  for (const auto& [name, path] : roots_) views.push_back({name, path.string()});
  reply(std::move(views));
}

void FarmService::health(Reply<Health> reply) {
  reply(board_->health());
}

forecast::ForecastsRow FarmService::forecasts() {
  if (forecaster_ != nullptr) return forecaster_->forecasts();
  return std::make_shared<forecast::Forecasts>();
}

void FarmService::levers(JobId job, Reply<forecast::LeverView> reply) {
  if (forecaster_ == nullptr) return reply(no_such_job(job));
  forecaster_->levers(job, std::move(reply));
}

}  // namespace framemill::scheduler
