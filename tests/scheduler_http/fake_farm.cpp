#include "fake_farm.h"

#include <algorithm>

namespace framemill::scheduler::testing {
namespace {

const AttemptId kAttempt{{7, 0xfeed}, 12};

base::Error no_job() {
  return {"job.unknown", "there is no such job", "job", ""};
}

}  // namespace

PlanView sample_plan(JobId job) {
  auto spec = std::make_shared<jobs::JobSpec>();
  spec->name = "boards";
  spec->show = "harbor";
  spec->shot = "hb_0010";
  spec->shot_range = {1001, 1032, 1};
  jobs::LayerSpec generate;
  generate.name = "hb_0010";
  generate.shot = "hb_0010";
  generate.shot_range = spec->shot_range;
  generate.frames = jobs::FrameSet(1001, 1032);
  generate.output = "{shot}.{frame:04}.exr";
  generate.root = "renders";
  jobs::GenerateSpec work;
  work.model = "demo-clips@1";
  work.prompt = "a red boat";
  work.variant_seeds = {5};
  generate.work = work;
  jobs::LayerSpec encode;
  encode.name = "cut";
  encode.kind = jobs::LayerKind::Encode;
  encode.shot = "hb_0010";
  encode.root = "renders";
  encode.output = "{shot}.mp4";
  jobs::LayerInput input;
  input.layer = "hb_0010";
  encode.inputs = {input};
  encode.work = jobs::EncodeSpec{};
  spec->layers = {generate, encode};

  auto plan = std::make_shared<jobs::JobPlan>();
  jobs::PhasePlan denoise;
  denoise.seed = 5;
  denoise.task_count = 2;
  denoise.root = "renders";
  denoise.grid.origin = 1001;
  denoise.grid.window_frames = 16;
  denoise.grid.window_count = 2;
  denoise.windows = {{0, 2}};
  jobs::PhasePlan decode = denoise;
  decode.kind = jobs::PhaseKind::Decode;
  decode.frames = jobs::FrameSet(1001, 1032);
  decode.output_pattern = "harbor/hb_0010.%04d.exr";
  jobs::PhasePlan movie;
  movie.kind = jobs::PhaseKind::Encode;
  movie.layer = 1;
  movie.task_count = 1;
  movie.root = "renders";
  movie.output_pattern = "harbor/hb_0010.mp4";
  plan->phases = {denoise, decode, movie};

  PlanView view;
  view.job = job;
  view.version = 2;
  view.spec = spec;
  view.plan = plan;
  jobs::PackageFacts package;
  package.name = "demo-clips";
  package.version = "1";
  package.root_digest = base::sha256("weights");
  view.packages = {package};
  return view;
}

std::vector<ShareView> sample_shares() {
  ShareView features;
  features.path = "features";
  features.weight = 2.5;
  features.slots_max = 40;
  features.entitled = features.used = 1;
  features.used_s = 1234.5678;
  features.last_change = {"root", {1'795'000'000'000}, "deadline \xff"};
  ShareView ana;
  ana.path = "features/atlas/ana";
  ana.is_user = true;
  ana.guarantee = 3;
  ana.slots = 2;
  ana.tasks_ready = 7;
  ana.why = "next";
  return {features, ana};
}

JobView sample_job(JobId job, const std::string& principal) {
  JobView view;
  view.id = job;
  view.name = "boards \xff broken bytes";
  view.show = "harbor";
  view.shot = "hb_0010";
  view.principal = principal;
  view.share = "harbor/" + principal;
  view.tags = {"hero"};
  view.version = 2;
  view.state = jobs::JobState::Running;
  view.priority = 60;
  view.submitted = view.started = {1'795'000'000'000};
  LayerView layer;
  layer.name = "hb_0010";
  layer.kind = "generate";
  layer.shot = "hb_0010";
  layer.frames = 32;
  layer.windows = 2;
  layer.variants = 1;
  view.layers = {layer};
  view.failures = {{"bad_output", "all black", 1, 1004, "hb_0010"},
                   {"timeout", "took too long", 2, std::nullopt, "cut"}};
  RemakeView remake;
  remake.job = JobId(7);
  remake.state = jobs::JobState::Failed;
  remake.cause = {"ana", {1'795'000'000'000}, "lost"};
  remake.files_count = 2;
  const base::Sha256 then = base::sha256("then");
  remake.files = {{"hb_0010", "renders", "harbor/hb_0010.1003.exr", "differs", 0, 1003, then, base::sha256("now")},
                  {"cut", "renders", "harbor/hb_0010.mp4", "open", 0, std::nullopt, then, {}}};
  view.remakes = {remake};
  view.tasks[static_cast<int>(jobs::TaskState::Published)] = 3;
  view.frames = 32;
  view.frames_published = 16;
  view.device_us = 18'000'000'000'000ull;
  return view;
}

WorkerView sample_worker(WorkerId id, const std::string& name) {
  WorkerView view;
  view.id = id;
  view.name = name;
  view.key = std::string(40, 'k');
  view.version = "0.1.0";
  view.address = "10.0.0.7";
  view.other_address = "10.0.0.8";
  view.state = jobs::WorkerState::Up;
  view.devices = {{"cpu0", "Xeon", "cpu-avx512", DeviceKind::Cpu, 1 << 30, 1 << 29, 2}};
  SlotActivity slot;
  slot.name = "cpu0";
  SlotActivity::Lease lease;
  lease.attempt = kAttempt;
  lease.job = JobId(1);
  lease.layer = "hb_0010";
  lease.model = "demo-clips@1";
  lease.tasks = {0, 1};
  lease.phase = "denoise";
  slot.leases = {lease};
  view.slots = {slot};
  view.packages = {{"demo-clips@1", base::sha256("weights")}};
  view.roots = {{"renders", true, 1 << 30}, {"lost", false, 0}};
  view.commands = {"denoise-grain"};
  view.conditions = {{"storage_failed", "fsync: Input/output error", "main"}};
  return view;
}

FrameRow sample_frame() {
  FrameRow row;
  row.layer = "hb_0010";
  row.kind = "frame";
  row.seed = 5;
  row.frame = 1001;
  row.root = "renders";
  row.path = "harbor/hb_0010.1001.exr";
  row.size_bytes = 1234;
  row.sha256 = base::sha256("a");
  row.samples_sha256 = base::sha256("b");
  row.state = jobs::TaskState::Published;
  row.attempt = kAttempt;
  row.worker = WorkerId(1);
  row.device_class = "cpu-avx512";
  return row;
}

AttemptRow sample_attempt(bool live) {
  AttemptRow row;
  row.record.id = kAttempt;
  row.record.phase = {JobId(1), 1};
  row.record.tasks = {0, 2};
  row.record.worker = WorkerId(1);
  row.record.slot_name = "cpu0";
  row.record.device_class = "cpu-avx512";
  row.record.granted = {1'795'000'000'000};
  row.record.live = live;
  row.record.devices = {"cpu0"};
  row.record.files_written = 33;
  row.record.files_read = 1;
  row.files_written = {{"renders", "harbor/hb_0010.1001.exr", 1234, base::sha256("a frame")}};
  row.files_read = {{"plates", "hb_0010.1000.exr", 0, {}}};
  row.record.usage.batch_mates = {"13/0"};
  row.record.usage.batch_max = 2;
  row.record.usage.batch_sizes = {{1, 3}, {2, 17}};
  row.record.output_tail = "loading\n\xc3 half a character";
  if (!live) {
    row.record.ended = {1'795'000'001'000};
    row.record.outcome = jobs::Outcome::BadOutput;
    row.record.code = "bad_output.black";
    row.record.message = "frame 1004 is black";
  }
  row.layer = "hb_0010";
  row.phase = "decode";
  row.worker_name = "w1";
  return row;
}

ExplainView sample_explanation() {
  ExplainView view;
  view.phase = {JobId(1), 0};
  view.task = 1;
  view.layer = "hb_0010";
  view.frame = 1017;
  view.state = jobs::TaskState::Ready;
  view.sentence = "hb_0010 t1 waits for a slot";
  view.reasons = {{Reason::SlotsBusy, 1, {"w1/cpu0"}, "busy with job 1", "wait"}};
  return view;
}

DiagnosisView sample_diagnosis() {
  DiagnosisView view;
  view.job = JobId(1);
  view.state = jobs::JobState::Failed;
  view.sentence = "job 1 (hb) is failed: 1 task of hb_0010 failed: frame 1004 is black [bad_output.black]";
  Finding finding;
  finding.layer = "hb_0010";
  finding.tasks = 1;
  finding.frames = jobs::FrameSet(1001, 1016);
  finding.code = "bad_output.black";
  finding.message = "frame 1004 is black";
  finding.blame = Finding::Blame::Work;
  finding.because = "the work is to blame: it failed on each of 2 workers that tried it";
  finding.workers = {{"w1", 1}, {"w2", 1}};
  finding.attempt = kAttempt;
  finding.waiting = "cut (1 task)";
  finding.next = {"framemill logs 1 --layer hb_0010 --frame 1001"};
  view.findings.push_back(std::move(finding));
  return view;
}

forecast::JobForecast sample_forecast() {
  forecast::JobForecast told;
  told.state = forecast::JobForecast::State::Estimated;
  told.ready = forecast::ReadyTimes{{4'102'444'800'000}, {4'102'448'400'000}};
  told.on_time = 0.7815;
  told.progress = 0.4;
  told.layers = {told.ready};
  return told;
}

forecast::LeverView sample_levers() {
  forecast::LeverView view;
  view.forecast = sample_forecast();
  view.tried = 9;
  view.futures = 8;
  forecast::Lever priority;
  priority.value = 80;
  priority.ready = view.forecast.ready;
  priority.on_time = 0.97;
  priority.costs = {{JobId(3), "shots \xff", "atlas", base::seconds(25 * 60)}};
  forecast::Lever slots;
  slots.kind = forecast::Lever::Kind::Slots;
  slots.value = 1;
  slots.subject = "H200";
  slots.on_time = 0.9;
  view.levers = {priority, slots};
  return view;
}

FakeFarm::~FakeFarm() {
  for (auto& helper : helpers_) helper.join();
}

bool FakeFarm::knows(JobId job) {
  return std::any_of(job_list.begin(), job_list.end(), [&](const JobView& view) { return view.id == job; });
}

void FakeFarm::submit(SubmitRequest request, Reply<SubmitReply> reply) {
  std::lock_guard lock(mutex);
  submits.push_back(std::move(request));
  helpers_.emplace_back([reply = std::move(reply), answer = submit_reply] { reply(answer); });
}

void FakeFarm::change_job(JobChange change, Reply<Changed> reply) {
  std::lock_guard lock(mutex);
  job_changes.push_back(std::move(change));
  reply(change_reply);
}

void FakeFarm::change_jobs(JobsChange change, Reply<JobsChangeReply> reply) {
  std::lock_guard lock(mutex);
  jobs_changes.push_back(std::move(change));
  reply(jobs_reply);
}

void FakeFarm::change_worker(WorkerChange change, Reply<Changed> reply) {
  std::lock_guard lock(mutex);
  worker_changes.push_back(std::move(change));
  reply(change_reply);
}

void FakeFarm::change_share(ShareChange change, Reply<Changed> reply) {
  std::lock_guard lock(mutex);
  share_changes.push_back(std::move(change));
  reply(change_reply);
}

void FakeFarm::list_shares(Reply<ShareRows> reply) {
  std::lock_guard lock(mutex);
  reply(std::make_shared<const std::vector<ShareView>>(share_list));
}

void FakeFarm::list_jobs(JobFilter filter, Reply<std::vector<JobRow>> reply) {
  std::lock_guard lock(mutex);
  filters.push_back(filter);
  std::vector<JobRow> page;
  for (const JobView& view : job_list)
    if (!filter.before || view.id < filter.before) page.push_back(std::make_shared<JobView>(view));
  if (page.size() > filter.limit) page.resize(filter.limit);
  reply(std::move(page));
}

void FakeFarm::show_job(JobId job, Reply<JobRow> reply) {
  std::lock_guard lock(mutex);
  for (const JobView& view : job_list) {
    if (view.id == job) return reply(JobRow(std::make_shared<JobView>(view)));
  }
  reply(no_job());
}

void FakeFarm::plan(JobId job, Reply<PlanView> reply) {
  std::lock_guard lock(mutex);
  if (!knows(job)) return reply(no_job());
  reply(sample_plan(job));
}

void FakeFarm::list_workers(Reply<std::vector<WorkerRow>> reply) {
  std::lock_guard lock(mutex);
  std::vector<WorkerRow> rows;
  for (const WorkerView& worker : worker_list) rows.push_back(std::make_shared<WorkerView>(worker));
  reply(std::move(rows));
}

void FakeFarm::list_limits(Reply<LimitRows> reply) {
  std::lock_guard lock(mutex);
  reply(std::make_shared<const std::vector<LimitView>>(limit_list));
}

void FakeFarm::change_limit(LimitChange change, Reply<Changed> reply) {
  std::lock_guard lock(mutex);
  limit_changes.push_back(std::move(change));
  reply(change_reply);
}

void FakeFarm::explain(ExplainQuery query, Reply<ExplainView> reply) {
  std::lock_guard lock(mutex);
  explain_queries.push_back(std::move(query));
  reply(explain_reply);
}

void FakeFarm::diagnose(JobId job, Reply<DiagnosisView> reply) {
  std::lock_guard lock(mutex);
  if (!knows(job)) return reply(no_job());
  reply(diagnose_reply);
}

void FakeFarm::frames(FrameQuery query, Reply<FramePage> reply) {
  std::lock_guard lock(mutex);
  if (!knows(query.job)) return reply(no_job());
  frame_queries.push_back(std::move(query));
  reply(frame_page);
}

void FakeFarm::attempts(AttemptQuery query, Reply<AttemptPage> reply) {
  std::lock_guard lock(mutex);
  attempt_queries.push_back(std::move(query));
  reply(attempt_page);
}

void FakeFarm::roots(Reply<std::vector<RootView>> reply) {
  reply(std::vector<RootView>{{"renders", "/srv/renders"}, {"elsewhere", ""}});
}

void FakeFarm::health(Reply<Health> reply) {
  std::lock_guard lock(mutex);
  reply(health_now);
}

forecast::ForecastsRow FakeFarm::forecasts() {
  std::lock_guard lock(mutex);
  return std::make_shared<forecast::Forecasts>(foretold);
}

void FakeFarm::levers(JobId job, Reply<forecast::LeverView> reply) {
  std::lock_guard lock(mutex);
  if (!knows(job)) return reply(no_job());
  reply(levers_reply);
}

}  // namespace framemill::scheduler::testing
