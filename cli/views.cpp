#include "cli/views.h"

#include <algorithm>

namespace framemill::cli {
namespace {

template <class T>
base::Result<T> finish(const JsonReader& reader, T value) {
  if (auto status = reader.status(); !status.ok()) return status.error();
  return value;
}

// Reads each element of a list with READ and hands its first error to the reader of the outer object.
template <class T, class Read>
std::vector<T> read_each(JsonReader& outer, std::string_view key, Read read) {
  std::vector<T> out;
  for (const json::value& item : outer.list(key)) {
    base::Result<T> value = read(item);
    if (!value.ok()) {
      outer.take(value.error());
      break;
    }
    out.push_back(std::move(value).value());
  }
  return out;
}

TaskCounts read_counts(JsonReader& outer) {
  JsonReader reader(outer.field("tasks"), "tasks");
  TaskCounts counts;
  counts.waiting = reader.integer("waiting");
  counts.ready = reader.integer("ready");
  counts.leased = reader.integer("leased");
  counts.committed = reader.integer("committed");
  counts.published = reader.integer("published");
  counts.failed = reader.integer("failed");
  counts.quarantined = reader.integer("quarantined");
  counts.cancelled = reader.integer("cancelled");
  outer.take(reader.status());
  return counts;
}

ConditionView read_condition(const json::value& whole) {
  const json::object* object = whole.if_object();
  const json::value* told = object == nullptr ? nullptr : object->if_contains("condition");
  if (told == nullptr || !told->is_object()) return {};  // all is well, or an older scheduler
  JsonReader reader(*told, "condition");
  return {reader.text_or_empty("kind"), reader.text_or_empty("layer"), reader.text_or_empty("reason"),
          reader.text_or_empty("since")};
}

base::Result<LayerView> read_layer(const json::value& value) {
  JsonReader reader(value, "layer");
  LayerView layer;
  layer.name = reader.text("name");
  layer.kind = reader.text("kind");
  layer.shot = reader.text("shot");
  layer.state = reader.text("state");
  layer.condition = read_condition(value);
  layer.tasks = read_counts(reader);
  layer.frames = reader.integer("frames");
  layer.frames_published = reader.integer("frames_published");
  layer.windows = reader.integer("windows");
  layer.variants = reader.integer("variants");
  layer.retried = reader.integer("retried");
  layer.failed = reader.integer("failed");
  layer.eta_ms = reader.optional_integer("eta_ms");
  return finish(reader, std::move(layer));
}

base::Result<FailureView> read_failure(const json::value& value) {
  JsonReader reader(value, "failure");
  FailureView failure;
  failure.code = reader.text("code");
  failure.message = reader.text("message");
  failure.layer = reader.text("layer");
  failure.count = reader.integer("count");
  failure.first_frame = reader.optional_integer("first_frame");
  return finish(reader, std::move(failure));
}

base::Result<OutputView> read_output_view(const json::value& value) {
  JsonReader reader(value, "output");
  OutputView output;
  output.layer = reader.text("layer");
  output.variant = reader.integer("variant");
  output.root = reader.text("root");
  output.first = reader.text("first");
  output.last = reader.text("last");
  output.files = reader.integer("files");
  return finish(reader, std::move(output));
}

ChangeView read_change(const json::value& whole, std::string_view key = "last_change") {
  const json::object* object = whole.if_object();
  const json::value* told = object == nullptr ? nullptr : object->if_contains(key);
  if (told == nullptr || !told->is_object()) return {};  // none, or an older scheduler
  JsonReader reader(*told, std::string(key));
  return {reader.text_or_empty("principal"), reader.text_or_empty("time"), reader.text_or_empty("reason")};
}

base::Result<SetAsideView> read_set_aside(const json::value& value) {
  JsonReader reader(value, "set_aside");
  SetAsideView aside;
  aside.job = reader.integer("job");
  aside.layer = reader.text("layer");
  aside.reason = reader.text("reason");
  aside.since = reader.text_or_empty("since");
  aside.next_try_ms = reader.integer("next_try_ms");
  return finish(reader, std::move(aside));
}

JobView read_summary(JsonReader& reader) {
  JobView job;
  job.id = reader.integer("id");
  if (reader.has("remake_of")) job.remake_of = reader.optional_integer("remake_of");  // not from an older scheduler
  job.name = reader.text("name");
  job.show = reader.text("show");
  job.sequence = reader.text("sequence");
  job.shot = reader.text("shot");
  job.principal = reader.text("principal");
  job.tags = reader.texts("tags");
  job.version = reader.integer("version");
  job.state = reader.text("state");
  job.priority = reader.integer("priority");
  if (reader.has("deadline")) job.deadline = reader.text_or_empty("deadline");  // not from an older scheduler
  if (reader.has("deadline_at_risk")) job.deadline_at_risk = reader.flag("deadline_at_risk");
  job.submitted = reader.text("submitted");
  job.started = reader.text_or_empty("started");
  job.finished = reader.text_or_empty("finished");
  job.tasks = read_counts(reader);
  job.frames = reader.integer("frames");
  job.frames_published = reader.integer("frames_published");
  job.eta_ms = reader.optional_integer("eta_ms");
  return job;
}

base::Result<LeaseView> read_lease(const json::value& value) {
  JsonReader reader(value, "lease");
  LeaseView lease;
  lease.attempt = reader.text("attempt");
  lease.job = reader.integer("job");
  lease.layer = reader.text("layer");
  lease.model = reader.text("model");
  lease.phase = reader.text("phase");
  lease.variant = reader.integer("variant");
  lease.task = reader.integer("task");
  JsonReader range(reader.field("tasks"), "lease.tasks");
  lease.task_count = range.integer("count");
  reader.take(range.status());
  lease.step = reader.integer("step");
  lease.steps = reader.integer("steps");
  lease.batch = reader.integer("batch");
  lease.model_warm = reader.flag("model_warm");
  if (reader.has("loading_model")) lease.loading_model = reader.flag("loading_model");  // not from an older scheduler
  lease.detail = reader.text("detail");
  return finish(reader, std::move(lease));
}

base::Result<SlotView> read_slot(const json::value& value) {
  JsonReader reader(value, "slot");
  SlotView slot;
  slot.name = reader.text("name");
  slot.usable = reader.flag("usable");
  slot.leases = read_each<LeaseView>(reader, "leases", read_lease);
  slot.booked_bytes = reader.integer("booked_bytes");
  slot.budget_bytes = reader.integer("budget_bytes");
  return finish(reader, std::move(slot));
}

// One text field of each object in a list: names of devices, ids of packages.
std::vector<std::string> read_field_of_each(JsonReader& outer, std::string_view list, std::string_view field) {
  return read_each<std::string>(outer, list, [&](const json::value& value) {
    JsonReader reader(value, std::string(list));
    return finish(reader, reader.text(field));
  });
}

base::Result<std::string> read_host_condition(const json::value& value) {
  JsonReader reader(value, "condition");
  const std::string root = reader.text("root");
  std::string text = reader.text("code") + (root.empty() ? "" : " (root " + root + ")") + ": " + reader.text("message");
  return finish(reader, std::move(text));
}

base::Result<RootSeenView> read_root_seen(const json::value& value) {
  JsonReader reader(value, "root");
  RootSeenView root;
  root.name = reader.text("name");
  root.usable = reader.flag("usable");
  // An older scheduler does not tell more.
  const bool tells_more = reader.has("problem");
  root.readable = tells_more ? reader.flag("readable") : root.usable;
  root.read_only = tells_more && reader.flag("read_only");
  root.problem = tells_more ? reader.text("problem") : std::string();
  return finish(reader, std::move(root));
}

base::Result<WorkerView> read_worker(const json::value& value) {
  JsonReader reader(value, "worker");
  WorkerView worker;
  worker.id = reader.integer("id");
  worker.name = reader.text("name");
  worker.version = reader.text("version");
  worker.state = reader.text("state");
  worker.address = reader.text_or_empty("address");
  worker.other_address = reader.text_or_empty("other_address");
  worker.last_change = read_change(value);
  worker.drain_at = reader.text_or_empty("drain_at");
  worker.drain_planned = read_change(value, "drain_planned");
  worker.quarantined = reader.flag("quarantined");
  if (reader.has("set_aside"))  // not from an older scheduler
    worker.set_aside = read_each<SetAsideView>(reader, "set_aside", read_set_aside);
  worker.silent_ms = reader.integer("silent_ms");
  if (reader.has("tasks_held")) {  // not from an older scheduler
    worker.tasks_held = reader.integer("tasks_held");
    worker.tasks_taken_back = reader.integer("tasks_taken_back");
  }
  worker.devices = read_field_of_each(reader, "devices", "name");
  worker.slots = read_each<SlotView>(reader, "slots", read_slot);
  worker.packages = read_field_of_each(reader, "packages", "id");
  if (reader.has("conditions")) worker.conditions = read_each<std::string>(reader, "conditions", read_host_condition);
  if (reader.has("roots")) worker.roots = read_each<RootSeenView>(reader, "roots", read_root_seen);
  worker.confinement = reader.text_or_empty("confinement");
  worker.command_confinement = reader.text_or_empty("command_confinement");
  return finish(reader, std::move(worker));
}

base::Result<MissingInputView> read_missing_input(const json::value& value) {
  JsonReader reader(value, "missing input");
  MissingInputView missing;
  missing.layer = reader.text("layer");
  missing.root = reader.text("root");
  missing.path = reader.text("path");
  missing.frame = reader.integer("frame");
  missing.files = reader.integer("files");
  missing.since = reader.text_or_empty("since");
  missing.fails_in_ms = reader.optional_integer("fails_in_ms");
  missing.problem = reader.text("problem");
  return finish(reader, std::move(missing));
}

base::Result<RemadeFileView> read_remade_file(const json::value& value) {
  JsonReader reader(value, "remade file");
  RemadeFileView file;
  file.layer = reader.text("layer");
  file.frame = reader.optional_integer("frame");
  file.root = reader.text("root");
  file.path = reader.text("path");
  file.outcome = reader.text("outcome");
  file.recorded_sha256 = reader.text("recorded_sha256");
  file.made_sha256 = reader.text_or_empty("made_sha256");
  return finish(reader, std::move(file));
}

base::Result<HoldView> read_hold(const json::value& value) {
  JsonReader reader(value, "hold");
  HoldView hold;
  hold.kind = reader.text("kind");
  hold.principal = reader.text("principal");
  hold.since = reader.text_or_empty("since");
  hold.until = reader.text_or_empty("until");
  hold.reason = reader.text_or_empty("reason");
  return finish(reader, std::move(hold));
}

base::Result<RemakeView> read_remake(const json::value& value) {
  JsonReader reader(value, "remake");
  RemakeView remake;
  remake.job = reader.integer("job");
  remake.state = reader.text("state");
  remake.replaces = reader.flag("replace");
  remake.files_count = reader.integer("files_count");
  remake.files = read_each<RemadeFileView>(reader, "files", read_remade_file);
  if (const json::object* object = value.if_object())
    if (const json::value* asked = object->if_contains("asked"); asked != nullptr && asked->is_object()) {
      JsonReader cause(*asked, "asked");
      remake.principal = cause.text_or_empty("principal");
      remake.time = cause.text_or_empty("time");
      remake.reason = cause.text_or_empty("reason");
    }
  return finish(reader, std::move(remake));
}

base::Result<ReasonView> read_reason(const json::value& value) {
  JsonReader reader(value, "reason");
  ReasonView reason;
  reason.reason = reader.text("reason");
  reason.slots = reader.integer("slots");
  reason.examples = reader.texts("examples");
  reason.because = reader.text("because");
  reason.remedy = reader.text("remedy");
  return finish(reader, std::move(reason));
}

}  // namespace

std::string ConditionView::words() const {
  std::string text = kind;
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

base::Result<JobView> read_job_summary(const json::value& value) {
  JsonReader reader(value, "job");
  JobView job = read_summary(reader);
  job.condition = read_condition(value);
  job.forecast = read_forecast(value);
  return finish(reader, std::move(job));
}

base::Result<JobView> read_job(const json::value& value) {
  JsonReader reader(value, "job");
  JobView job = read_summary(reader);
  job.condition = read_condition(value);
  job.forecast = read_forecast(value);
  job.last_change = read_change(value);
  job.layers = read_each<LayerView>(reader, "layers", read_layer);
  job.failures = read_each<FailureView>(reader, "failures", read_failure);
  if (reader.has("missing_inputs"))  // not from an older scheduler
    job.missing_inputs = read_each<MissingInputView>(reader, "missing_inputs", read_missing_input);
  if (reader.has("holds"))  // not from an older scheduler
    job.holds = read_each<HoldView>(reader, "holds", read_hold);
  if (reader.has("remakes"))  // not from an older scheduler
    job.remakes = read_each<RemakeView>(reader, "remakes", read_remake);
  job.outputs = read_each<OutputView>(reader, "outputs", read_output_view);
  job.model_loads = reader.integer("model_loads");
  job.attempts = reader.integer("attempts");
  job.retries = reader.integer("retries");
  job.windows_run_twice = reader.integer("windows_run_twice");
  job.device_us = reader.integer("device_us");
  return finish(reader, std::move(job));
}

base::Result<std::vector<WorkerView>> read_workers(const json::value& list) {
  JsonReader reader(list, "list of workers");
  auto workers = read_each<WorkerView>(reader, "items", read_worker);
  return finish(reader, std::move(workers));
}

base::Result<FrameView> read_frame(const json::value& value) {
  JsonReader reader(value, "frame");
  FrameView frame;
  frame.layer = reader.text("layer");
  frame.variant = reader.integer("variant");
  frame.seed = reader.optional_integer("seed");
  frame.frame = reader.optional_integer("frame");
  frame.kind = reader.text("kind");
  frame.state = reader.text("state");
  frame.root = reader.text("root");
  frame.path = reader.text("path");
  frame.size_bytes = reader.integer("size_bytes");
  frame.sha256 = reader.text("sha256");
  frame.samples_sha256 = reader.text_or_empty("samples_sha256");
  return finish(reader, std::move(frame));
}

base::Result<LogView> read_log(const json::value& value) {
  JsonReader reader(value, "log");
  LogView log;
  log.attempt = reader.text("attempt");
  log.layer = reader.text("layer");
  log.phase = reader.text("phase");
  log.variant = reader.integer("variant");
  log.frames = reader.text("frames");
  log.worker = reader.text("worker");
  log.slot = reader.text("slot");
  log.ended = reader.text_or_empty("ended");
  log.outcome = reader.text_or_empty("outcome");
  log.code = reader.text("code");
  log.message = reader.text("message");
  log.output_tail = reader.text("output_tail", LineBreaks::Keep);
  return finish(reader, std::move(log));
}

base::Result<ExplanationView> read_explanation(const json::value& value) {
  JsonReader reader(value, "explanation");
  ExplanationView explanation;
  explanation.layer = reader.text("layer");
  explanation.phase = reader.text("phase");
  explanation.variant = reader.integer("variant");
  explanation.state = reader.text("state");
  explanation.sentence = reader.text("sentence");
  explanation.task = reader.optional_integer("task");
  explanation.frame = reader.optional_integer("frame");
  explanation.reasons = read_each<ReasonView>(reader, "reasons", read_reason);
  explanation.can_never_run = reader.flag("can_never_run");
  return finish(reader, std::move(explanation));
}

namespace {

using WorkerTries = std::pair<std::string, std::int64_t>;

base::Result<WorkerTries> read_tries(const json::value& value) {
  JsonReader reader(value, "worker of a finding");
  WorkerTries tries{reader.text("worker"), reader.integer("tasks")};
  return finish(reader, std::move(tries));
}

base::Result<FindingView> read_finding(const json::value& value) {
  JsonReader reader(value, "finding");
  FindingView finding;
  finding.kind = reader.text("kind");
  finding.layer = reader.text("layer");
  finding.frames = reader.text("frames");
  finding.code = reader.text("code");
  finding.message = reader.text("message");
  finding.blame = reader.text("blame");
  finding.because = reader.text("because");
  finding.log_line = reader.text("log_line");
  finding.waiting = reader.text("waiting");
  finding.tasks = reader.integer("tasks");
  finding.workers = read_each<WorkerTries>(reader, "workers", read_tries);
  finding.next = reader.texts("next");
  return finish(reader, std::move(finding));
}

}  // namespace

base::Result<DiagnosisView> read_diagnosis(const json::value& value) {
  JsonReader reader(value, "diagnosis");
  DiagnosisView diagnosis;
  diagnosis.sentence = reader.text("sentence");
  diagnosis.findings = read_each<FindingView>(reader, "findings", read_finding);
  return finish(reader, std::move(diagnosis));
}

}  // namespace framemill::cli
