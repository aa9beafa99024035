#include "scheduler/http/to_json.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/rfc3339.h"
#include "base/text.h"
#include "jobs/window_shape.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kDetailBytesMax = 2048;
constexpr std::uint32_t kTasksNamedMax = 4096;  // of one attempt; a longer range is told by its ends

json::object counts_json(const TaskCounts& counts) {
  json::object out;
  for (int i = 0; i < jobs::kTaskStateCount; ++i) out[jobs::name(static_cast<jobs::TaskState>(i))] = counts[i];
  return out;
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object range_json(jobs::TaskRange tasks) {
  return {{"first", tasks.first}, {"count", tasks.count}};
}

json::value condition_json(const Condition& condition) {
  if (condition.kind == Condition::Kind::None) return nullptr;
  return json::object{{"kind", name(condition.kind)},
                      {"layer", text_json(condition.layer)},
                      {"reason", text_json(condition.reason)},
                      {"since", time_json(condition.since)}};
}

json::object layer_json(const LayerView& layer) {
  return {{"index", layer.index},
          {"name", text_json(layer.name)},
          {"kind", text_json(layer.kind)},
          {"shot", text_json(layer.shot)},
          {"state", jobs::name(layer.state)},
          {"condition", condition_json(layer.condition)},
          {"tasks", counts_json(layer.tasks)},
          {"frames", layer.frames},
          {"frames_published", layer.frames_published},
          {"windows", layer.windows},
          {"variants", layer.variants},
          {"tries_charged", layer.tries_charged},
          {"retried", layer.retried},
          {"failed", layer.failed}};
}

json::object failure_json(const FailureGroup& group) {
  return {{"code", text_json(group.code)},
          {"message", text_json(group.message)},
          {"count", group.count},
          {"first_frame", or_null(group.first_frame)},
          {"layer", text_json(group.layer)}};
}

// Where the files of each layer's variants go, from the plan alone.
json::array outputs_json(const PlanView& view) {
  json::array out;
  for (jobs::PhaseIndex i = 0; i < view.plan->phases.size(); ++i) {
    const jobs::PhasePlan& phase = view.plan->phases[i];
    if (jobs::output_phase(*view.plan, phase.layer, phase.variant) != i) continue;
    const bool framed = !phase.frames.empty();
    json::object output{{"layer", text_json(view.spec->layers[phase.layer].name)},
                        {"variant", phase.variant},
                        {"root", text_json(phase.root)},
                        {"first", text_json(jobs::output_path(phase, framed ? phase.frames.first() : 0))},
                        {"last", text_json(jobs::output_path(phase, framed ? phase.frames.last() : 0))},
                        {"files", framed ? phase.frames.count() : std::int64_t{phase.task_count}}};
    out.push_back(std::move(output));
  }
  return out;
}

json::object plan_phase_json(jobs::PhaseIndex index, const jobs::PhasePlan& phase) {
  return {{"index", index},
          {"kind", jobs::name(phase.kind)},
          {"variant", phase.variant},
          {"tasks", phase.task_count},
          {"frames", phase.frames.text()}};
}

json::object plan_layer_json(const PlanView& view, jobs::LayerIndex index) {
  const jobs::LayerSpec& layer = view.spec->layers[index];
  json::array seeds, seed_texts, phases;
  for (const std::uint64_t seed : layer.seeds()) {
    seeds.emplace_back(seed);
    seed_texts.emplace_back(std::to_string(seed));
  }
  json::value grid = nullptr;
  for (jobs::PhaseIndex i = 0; i < view.plan->phases.size(); ++i) {
    const jobs::PhasePlan& phase = view.plan->phases[i];
    if (phase.layer != index) continue;
    phases.emplace_back(plan_phase_json(i, phase));
    if (grid.is_null() && phase.grid.window_count > 0) {
      grid = json::object{{"origin", phase.grid.origin},
                          {"window_frames", phase.grid.window_frames},
                          {"context_frames", phase.grid.context_frames},
                          {"windows", phase.grid.window_count}};
    }
  }
  json::value size = nullptr;
  for (const jobs::PackageFacts& package : view.packages)
    if (package.id() == layer.model()) size = json::string(jobs::window_shape(package, layer.window()).size.text());
  return {{"index", index},
          {"name", text_json(layer.name)},
          {"kind", jobs::name(layer.kind)},
          {"shot", text_json(layer.shot)},
          {"size", std::move(size)},
          {"seeds", std::move(seeds)},
          {"seed_texts", std::move(seed_texts)},
          {"grid", std::move(grid)},
          {"phases", std::move(phases)}};
}

json::object files_json(std::uint64_t count, const std::vector<ReadRecord>& first) {
  json::array items;
  for (const ReadRecord& file : first) {
    json::value sha256 = nullptr;
    if (file.sha256 != base::Sha256()) sha256 = json::string(file.sha256.hex());
    items.emplace_back(json::object{{"root", text_json(file.root)},
                                    {"path", text_json(file.path)},
                                    {"size_bytes", file.size_bytes},
                                    {"sha256", std::move(sha256)}});
  }
  return {{"count", count}, {"first", std::move(items)}};
}

json::object usage_json(const UsageTotals& usage) {
  json::array sizes;
  for (const BatchSize& size : usage.batch_sizes)
    sizes.emplace_back(json::object{{"windows", size.windows}, {"calls", size.calls}});
  return {{"load_us", usage.load_us},
          {"compute_us", usage.compute_us},
          {"write_us", usage.write_us},
          {"lost_us", usage.lost_us},
          {"wall_us", usage.wall_us},
          {"model_loads", usage.model_loads},
          {"steps", usage.steps},
          {"batch_max", usage.batch_max},
          {"batch_mates", texts_json(usage.batch_mates)},
          {"batch_sizes", std::move(sizes)},
          {"peak_bytes", usage.peak_bytes}};
}

std::string attempt_frames(const AttemptRecord& attempt, const PlanView& plan) {
  if (attempt.phase.index >= plan.plan->phases.size()) return {};
  return frames_text(plan.plan->phases[attempt.phase.index], attempt.tasks);
}

json::value outcome_json(const AttemptRecord& attempt) {
  if (attempt.live) return nullptr;
  return json::string(jobs::outcome_row(attempt.outcome).code);
}

}  // namespace

json::value time_json(base::WallTime time) {
  if (time.unix_ms == 0) return nullptr;
  return json::string(base::format_rfc3339(time));
}

json::string text_json(std::string_view text) {
  return json::string(base::valid_utf8(text));
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text_json(text));
  return out;
}

json::object page_json(json::array items, const std::string& next) {
  json::value rest = nullptr;
  if (!next.empty()) rest = json::string(next);
  return {{"items", std::move(items)}, {"next", std::move(rest)}};
}

std::string frames_text(const jobs::PhasePlan& phase, jobs::TaskRange tasks) {
  if (tasks.empty() || tasks.end() > phase.task_count) return {};
  const auto span_of = [&](jobs::TaskIndex task) -> std::optional<jobs::FrameSpan> {
    if (phase.grid.window_count > 0) return phase.grid.new_frames(jobs::task_window(phase, task));
    const jobs::FrameSet frames = jobs::task_frames(phase, task);
    if (frames.empty()) return std::nullopt;
    return jobs::FrameSpan{frames.first(), frames.last()};
  };
  std::vector<jobs::FrameSpan> spans;
  const bool all = tasks.count <= kTasksNamedMax;
  for (jobs::TaskIndex task = tasks.first; task < tasks.end(); task += all ? 1 : tasks.count - 1) {
    const auto span = span_of(task);
    if (span) spans.push_back(*span);
  }
  if (spans.empty()) return {};
  jobs::FrameSet frames = all ? jobs::FrameSet::of(spans) : jobs::FrameSet(spans.front().first, spans.back().last);
  if (!phase.frames.empty()) frames = frames.intersection(phase.frames);
  return frames.text();
}

json::object cause_json(const Cause& cause) {
  return {
      {"principal", text_json(cause.principal)}, {"time", time_json(cause.time)}, {"reason", text_json(cause.reason)}};
}

json::object job_summary_json(const JobView& job) {
  json::value remake_of = nullptr;
  if (job.remake_of) remake_of = job.remake_of.value;
  return {{"id", job.id.value},
          {"remake_of", std::move(remake_of)},
          {"name", text_json(job.name)},
          {"show", text_json(job.show)},
          {"sequence", text_json(job.sequence)},
          {"shot", text_json(job.shot)},
          {"principal", text_json(job.principal)},
          {"share", text_json(job.share)},
          {"tags", texts_json(job.tags)},
          {"version", job.version},
          {"state", jobs::name(job.state)},
          {"condition", condition_json(job.condition)},
          {"priority", job.priority},
          {"deadline", time_json(job.deadline)},
          {"deadline_at_risk", job.deadline_at_risk},
          {"submitted", time_json(job.submitted)},
          {"started", time_json(job.started)},
          {"finished", time_json(job.finished)},
          {"tasks", counts_json(job.tasks)},
          {"frames", job.frames},
          {"frames_published", job.frames_published}};
}

json::object missing_input_json(const MissingInputView& missing) {
  json::value fails_in = nullptr;
  if (missing.problem.empty()) fails_in = missing.fails_in_ms;
  return {{"layer", text_json(missing.layer)},
          {"root", text_json(missing.root)},
          {"path", text_json(missing.path)},
          {"frame", missing.frame},
          {"files", missing.files},
          {"since", time_json(missing.since)},
          {"fails_in_ms", std::move(fails_in)},
          {"problem", text_json(missing.problem)}};
}

json::object remade_json(const RemadeView& file) {
  json::value made = nullptr;
  if (file.made != base::Sha256{}) made = json::string(file.made.hex());
  return {{"layer", text_json(file.layer)},         {"variant", file.variant},       {"frame", or_null(file.frame)},
          {"root", text_json(file.root)},           {"path", text_json(file.path)},  {"outcome", file.outcome},
          {"recorded_sha256", file.recorded.hex()}, {"made_sha256", std::move(made)}};
}

json::object remake_json(const RemakeView& remake) {
  json::array files;
  for (const RemadeView& file : remake.files) files.emplace_back(remade_json(file));
  return {{"job", remake.job.value},    {"state", jobs::name(remake.state)}, {"asked", cause_json(remake.cause)},
          {"replace", remake.replaces}, {"files_count", remake.files_count}, {"files", std::move(files)}};
}

json::object hold_json(const Hold& hold) {
  return {{"kind", jobs::name(hold.kind)},
          {"principal", text_json(hold.placed.principal)},
          {"since", time_json(hold.placed.time)},
          {"until", time_json(hold.until)},
          {"reason", text_json(hold.placed.reason)}};
}

json::object awaited_json(const AwaitedView& awaited) {
  return {{"job", awaited.job.value},
          {"when", awaited.any_end ? "over" : "done"},
          {"state", awaited.state ? json::value(json::string(jobs::name(*awaited.state))) : json::value()}};
}

json::object job_json(const JobView& job, const PlanView& plan) {
  json::object out = job_summary_json(job);
  json::array missing;
  for (const MissingInputView& input : job.missing_inputs) missing.emplace_back(missing_input_json(input));
  out["missing_inputs"] = std::move(missing);
  json::array remakes;
  for (const RemakeView& remake : job.remakes) remakes.emplace_back(remake_json(remake));
  out["remakes"] = std::move(remakes);
  json::array layers, failures;
  for (const LayerView& layer : job.layers) layers.emplace_back(layer_json(layer));
  for (const FailureGroup& group : job.failures) failures.emplace_back(failure_json(group));
  json::array holds;
  for (const Hold& hold : job.holds) holds.emplace_back(hold_json(hold));
  out["holds"] = std::move(holds);
  json::array awaits;
  for (const AwaitedView& awaited : job.awaits) awaits.emplace_back(awaited_json(awaited));
  out["awaits"] = std::move(awaits);
  out["last_change"] = cause_json(job.last_change);
  out["layers"] = std::move(layers);
  out["failures"] = std::move(failures);
  out["outputs"] = outputs_json(plan);
  out["model_loads"] = job.model_loads;
  out["attempts"] = job.attempts;
  out["retries"] = job.retries;
  out["windows_run_twice"] = job.windows_run_twice;
  out["device_us"] = job.device_us;
  return out;
}

json::object plan_view_json(const PlanView& plan) {
  json::array models, layers;
  for (const jobs::PackageFacts& package : plan.packages) {
    models.emplace_back(json::object{{"id", text_json(package.id())}, {"digest", package.root_digest.hex()}});
  }
  for (jobs::LayerIndex i = 0; i < plan.spec->layers.size(); ++i) layers.emplace_back(plan_layer_json(plan, i));
  return {{"job", plan.job.value},
          {"version", plan.version},
          {"plan_digest", plan.plan->digest.hex()},
          {"spec", json::parse(jobs::canonical_json(*plan.spec))},
          {"models", std::move(models)},
          {"layers", std::move(layers)}};
}

json::object frame_json(const FrameRow& row) {
  const bool framed = row.kind == "frame";
  const bool has_samples = row.samples_sha256 != base::Sha256();
  json::value frame = nullptr, samples = nullptr, seed = nullptr, seed_text = nullptr;
  if (framed) frame = row.frame;
  if (row.seed) {
    seed = *row.seed;
    seed_text = json::string(std::to_string(*row.seed));
  }
  if (has_samples) samples = json::string(row.samples_sha256.hex());
  return {{"layer", text_json(row.layer)},
          {"variant", row.variant},
          {"seed", std::move(seed)},
          {"seed_text", std::move(seed_text)},
          {"frame", std::move(frame)},
          {"kind", row.kind},
          {"state", jobs::name(row.state)},
          {"root", text_json(row.root)},
          {"path", text_json(row.path)},
          {"size_bytes", row.size_bytes},
          {"sha256", row.sha256.hex()},
          {"samples_sha256", std::move(samples)},
          {"device_class", text_json(row.device_class)},
          {"attempt", row.attempt.text()}};
}

json::object attempt_json(const AttemptRow& row, const PlanView& plan) {
  const AttemptRecord& attempt = row.record;
  return {{"id", attempt.id.text()},
          {"layer", text_json(row.layer)},
          {"phase", text_json(row.phase)},
          {"variant", row.variant},
          {"tasks", range_json(attempt.tasks)},
          {"frames", attempt_frames(attempt, plan)},
          {"worker", text_json(row.worker_name)},
          {"slot", text_json(attempt.slot_name)},
          {"devices", texts_json(attempt.devices)},
          {"device_class", text_json(attempt.device_class)},
          {"live", attempt.live},
          {"granted", time_json(attempt.granted)},
          {"ended", time_json(attempt.ended)},
          {"tasks_committed", attempt.tasks_committed},
          {"outcome", outcome_json(attempt)},
          {"code", text_json(attempt.code)},
          {"message", text_json(attempt.message)},
          {"files_written", files_json(attempt.files_written, row.files_written)},
          {"files_read", files_json(attempt.files_read, row.files_read)},
          {"usage", usage_json(attempt.usage)}};
}

json::object log_json(const AttemptRow& row, const PlanView& plan) {
  const AttemptRecord& attempt = row.record;
  return {{"attempt", attempt.id.text()},
          {"layer", text_json(row.layer)},
          {"phase", text_json(row.phase)},
          {"variant", row.variant},
          {"tasks", range_json(attempt.tasks)},
          {"frames", attempt_frames(attempt, plan)},
          {"worker", text_json(row.worker_name)},
          {"slot", text_json(attempt.slot_name)},
          {"ended", time_json(attempt.ended)},
          {"outcome", outcome_json(attempt)},
          {"code", text_json(attempt.code)},
          {"message", text_json(attempt.message)},
          {"output_tail", text_json(attempt.output_tail)}};
}

json::object explanation_json(const ExplainView& view, const PlanView& plan) {
  const bool has_task = !view.layer.empty() && view.phase.index < plan.plan->phases.size();
  const jobs::PhasePlan* phase = has_task ? &plan.plan->phases[view.phase.index] : nullptr;
  json::array reasons;
  for (const SlotReason& reason : view.reasons) {
    reasons.emplace_back(json::object{{"reason", name(reason.reason)},
                                      {"slots", reason.slots},
                                      {"examples", texts_json(reason.examples)},
                                      {"because", text_json(reason.because)},
                                      {"remedy", text_json(reason.remedy)}});
  }
  json::value task = nullptr;
  if (has_task) task = view.task;
  return {{"job", plan.job.value},
          {"layer", text_json(view.layer)},
          {"phase", phase != nullptr ? jobs::name(phase->kind) : ""},
          {"variant", phase != nullptr ? phase->variant : 0},
          {"task", std::move(task)},
          {"frame", or_null(view.frame)},
          {"state", jobs::name(view.state)},
          {"sentence", text_json(view.sentence)},
          {"reasons", std::move(reasons)},
          {"can_never_run", view.can_never_run}};
}

std::string event_text(const EventRow& row, base::WallTime time) {
  const FarmEvent& event = row.event;
  json::value job = nullptr, layer = nullptr, worker = nullptr;
  if (const JobId id = job_of(event)) job = id.value;
  if (!row.layer_name.empty()) layer = text_json(row.layer_name);
  if (!row.worker_name.empty()) worker = text_json(row.worker_name);
  const json::object out{{"type", text_json(type_of(event))},
                         {"what", text_json(what_of(event))},
                         {"job", std::move(job)},
                         {"layer", std::move(layer)},
                         {"worker", std::move(worker)},
                         {"time", time_json(time)},
                         {"detail", text_json(std::string_view(detail_of(event)).substr(0, kDetailBytesMax))}};
  return json::serialize(out);
}

}  // namespace framemill::scheduler
