#include "sim/policy/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/table_reader.h"
#include "forecast/draws.h"

namespace framemill::sim {
namespace {

using config::TableReader;
using config::TextRule;
using scheduler::DeviceKind;

constexpr double kSecondsMax = 1e9;
const std::vector<std::string_view> kDeviceWords{"cpu", "cuda"};  // in the order of DeviceKind

void read_word(TableReader& table, std::string_view key, std::string& out) {
  const auto value = table.text(key, TextRule::Line);
  if (!value) return;
  if (config::is_safe_word(*value))
    out = *value;
  else
    table.fail(key, "bad_name", fmt::format("\"{}\" is not a name", config::printable(*value)),
               "letters, digits, \"_\", \".\" and \"-\"");
}

void read_number(TableReader& table, std::string_view key, double& out, double least) {
  out = table.number(key, least, kSecondsMax).value_or(out);
}

void read_count(TableReader& table, std::string_view key, std::uint32_t& out, std::int64_t least, std::int64_t most) {
  if (const auto value = table.integer(key, least, most)) out = static_cast<std::uint32_t>(*value);
}

void read_size(TableReader& table, std::string_view key, std::uint64_t& out) {
  if (const auto bytes = table.size(key)) out = *bytes;
}

TraceWorkers read_workers(TableReader& table) {
  TraceWorkers workers;
  read_word(table, "worker", workers.name);
  read_count(table, "count", workers.count, 1, kTraceWorkersMax);
  read_count(table, "slots", workers.slots, 1, 256);
  read_number(table, "at_s", workers.at_s, 0);
  if (const auto kind = table.choice("device", kDeviceWords)) workers.kind = static_cast<DeviceKind>(*kind);
  if (const auto text = table.text("class", TextRule::Line)) workers.device_class = *text;
  read_size(table, "memory", workers.memory_bytes);
  read_number(table, "speed", workers.speed, 1e-3);
  return workers;
}

TraceModel read_model(TableReader& table) {
  TraceModel model;
  const auto name = table.text("model", TextRule::Line);
  const std::size_t at = name ? name->find('@') : std::string::npos;
  if (at == std::string::npos || !config::is_safe_word(name->substr(0, at)) ||
      !config::is_safe_word(name->substr(at + 1)))
    table.fail("model", "bad_name", "a model is called name@version", "such as \"video@1\"");
  else
    model.name = *name;
  read_number(table, "load_s", model.load_s, 0);
  read_size(table, "memory", model.memory_bytes);
  return model;
}

TraceLayer read_layer(TableReader& table, const FarmTrace& trace, const std::vector<TraceLayer>& before) {
  TraceLayer layer;
  layer.name = fmt::format("layer{}", before.size() + 1);
  read_word(table, "name", layer.name);
  if (const auto model = table.text("model", TextRule::Line)) {
    layer.model = *model;
    if (trace.model_of(layer) == nullptr)
      table.fail("model", "unknown_model",
                 fmt::format("no line above describes the model {}", config::printable(*model)),
                 "a line {\"model\": ...} before the jobs that use it");
  }
  read_count(table, "tasks", layer.tasks, 1, 1'000'000);
  read_number(table, "task_s", layer.task_s, 1e-6);
  layer.noise = table.number("noise", 0, 10).value_or(0);
  read_number(table, "start_s", layer.start_s, 0);
  const std::vector<std::string_view> plans{"independent", "chain"};
  layer.chain = table.choice("plan", plans).value_or(0) == 1;
  if (layer.chain && layer.model.empty())
    table.fail("plan", "unknown_value", "a command has no chain", "\"chain\" with a model, or no plan");
  if (const auto chunk = table.integer("chunk", 1, 4'096)) layer.chunk = static_cast<std::uint32_t>(*chunk);
  if (const auto kind = table.choice("device", kDeviceWords)) layer.device = static_cast<DeviceKind>(*kind);
  read_size(table, "memory", layer.memory_bytes);
  for (const std::string& name : table.texts("after", TextRule::Line, 64).value_or(std::vector<std::string>{})) {
    const auto found = std::find_if(before.begin(), before.end(), [&](const TraceLayer& l) { return l.name == name; });
    if (found == before.end())
      table.fail("after", "unknown_layer", fmt::format("no layer above is called {}", config::printable(name)));
    else
      layer.after.push_back(static_cast<std::uint32_t>(found - before.begin()));
  }
  table.finish();
  return layer;
}

TraceJob read_job(TableReader& table, const FarmTrace& trace, config::Findings& findings) {
  TraceJob job;
  read_word(table, "job", job.name);
  read_word(table, "show", job.show);
  if (const auto user = table.text("user", TextRule::Line)) job.user = *user;
  read_number(table, "at_s", job.at_s, 0);
  if (const auto priority = table.integer("priority", 0, 100)) job.priority = static_cast<std::int32_t>(*priority);
  job.deadline_s = table.number("deadline_s", 0, kSecondsMax);
  table.require("layers", "a list of layers, such as [{\"tasks\": 100, \"task_s\": 12}]");
  if (const config::Node* layers = table.array("layers", 1'000))
    for (std::size_t i = 0; i < layers->items.size(); ++i) {
      if (layers->items[i].type != config::Node::Type::Table) {
        table.fail("layers", "wrong_type", "each layer is a table");
        continue;
      }
      TableReader layer(layers->items[i], fmt::format("layers[{}]", i), findings);
      job.layers.push_back(read_layer(layer, trace, job.layers));
    }
  return job;
}

base::Error line_error(std::size_t line, const std::vector<config::Finding>& findings) {
  base::Error error;
  for (const config::Finding& finding : findings) {
    if (error.code.empty()) {
      error.code = "trace." + finding.code;
      error.field = finding.field;
    } else {
      error.message += "\n";
    }
    error.message += fmt::format("line {}: {}", line, finding.message);
    if (!finding.expected.empty()) error.message += ": " + finding.expected;
    if (!finding.suggestion.empty()) error.message += " (" + finding.suggestion + ")";
  }
  error.hint = "docs/simulator.md describes the format";
  return error;
}

base::Error bound_error(std::size_t line, std::string message) {
  return {"trace.too_large", fmt::format("line {}: {}", line, message), {}, "cut the trace into several"};
}

base::Status read_line(std::string_view text, std::size_t line, FarmTrace& trace) {
  const config::TreeResult tree = config::tree_from_json(text);
  if (!tree.root) {
    std::vector<config::Finding> findings = tree.findings;
    if (tree.error) findings.insert(findings.begin(), *tree.error);
    return line_error(line, findings);
  }
  config::Findings findings(config::Language::Json);
  TableReader table(*tree.root, {}, findings);
  if (table.has("worker")) {
    trace.workers.push_back(read_workers(table));
  } else if (table.has("model")) {
    trace.models.push_back(read_model(table));
  } else if (table.has("job")) {
    trace.jobs.push_back(read_job(table, trace, findings));
  } else if (const auto version = table.text("trace", TextRule::Line); version != "framemill/v1") {
    table.fail("trace", "unknown_line", "a line has one of the keys worker, model and job",
               "the first may be {\"trace\": \"framemill/v1\"}");
  }
  table.finish();
  if (!findings.empty()) return line_error(line, findings.take());
  return {};
}

}  // namespace

const TraceModel* FarmTrace::model_of(const TraceLayer& layer) const {
  const auto found =
      std::find_if(models.begin(), models.end(), [&](const TraceModel& m) { return m.name == layer.model; });
  return found == models.end() ? nullptr : &*found;
}

std::uint64_t FarmTrace::memory_of(const TraceLayer& layer) const {
  const TraceModel* model = model_of(layer);
  return model == nullptr ? layer.memory_bytes : model->memory_bytes;
}

double FarmTrace::load_of(const TraceLayer& layer) const {
  const TraceModel* model = model_of(layer);
  return model == nullptr ? layer.start_s : model->load_s;
}

std::uint64_t FarmTrace::task_count() const {
  std::uint64_t tasks = 0;
  for (const TraceJob& job : jobs)
    for (const TraceLayer& layer : job.layers) tasks += layer.tasks;
  return tasks;
}

std::uint32_t FarmTrace::worker_count() const {
  std::uint32_t count = 0;
  for (const TraceWorkers& some : workers) count += some.count;
  return count;
}

double FarmTrace::task_seconds(std::uint64_t seed, std::size_t job, std::size_t layer, std::uint32_t task) const {
  const TraceLayer& of = jobs[job].layers[layer];
  if (of.noise == 0) return of.task_s;
  forecast::Draws draws(seed, static_cast<std::uint32_t>(job), static_cast<std::uint32_t>(layer), task);
  return of.task_s * draws.lognormal(of.noise);
}

base::Result<FarmTrace> parse_trace(std::string_view text) {
  FarmTrace trace;
  std::uint64_t tasks = 0, workers = 0;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::size_t jobs_before = trace.jobs.size(), workers_before = trace.workers.size();
    if (const base::Status read = read_line(one, line, trace); !read.ok()) return read.error();
    if (trace.jobs.size() > jobs_before)
      for (const TraceLayer& layer : trace.jobs.back().layers) tasks += layer.tasks;
    if (trace.workers.size() > workers_before) workers += trace.workers.back().count;
    if (trace.jobs.size() > kTraceJobsMax)
      return bound_error(line, fmt::format("a trace has at most {} jobs", kTraceJobsMax));
    if (workers > kTraceWorkersMax)
      return bound_error(line, fmt::format("a trace has at most {} workers", kTraceWorkersMax));
    if (tasks > kTraceTasksMax) return bound_error(line, fmt::format("a trace has at most {} tasks", kTraceTasksMax));
  }
  if (trace.workers.empty() || trace.jobs.empty())
    return base::Error{"trace.empty", "a trace needs workers and jobs", {}, "docs/simulator.md describes the format"};
  std::stable_sort(trace.jobs.begin(), trace.jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.at_s < b.at_s; });
  return trace;
}

std::string trace_text(const FarmTrace& trace) {
  std::string text = "{\"trace\": \"framemill/v1\"}\n";
  const auto device = [](DeviceKind kind) { return kDeviceWords[static_cast<std::size_t>(kind)]; };
  for (const TraceWorkers& w : trace.workers)
    text += fmt::format(
        "{{\"worker\": \"{}\", \"count\": {}, \"slots\": {}, \"at_s\": {}, \"device\": \"{}\", \"class\": {}, "
        "\"memory\": \"{}B\", \"speed\": {}}}\n",
        w.name, w.count, w.slots, w.at_s, device(w.kind), config::in_quotes(w.device_class), w.memory_bytes, w.speed);
  for (const TraceModel& m : trace.models)
    text +=
        fmt::format("{{\"model\": \"{}\", \"load_s\": {}, \"memory\": \"{}B\"}}\n", m.name, m.load_s, m.memory_bytes);
  for (const TraceJob& job : trace.jobs) {
    text += fmt::format("{{\"job\": \"{}\", \"show\": \"{}\", \"user\": {}, \"at_s\": {}, \"priority\": {}", job.name,
                        job.show, config::in_quotes(job.user), job.at_s, job.priority);
    if (job.deadline_s) text += fmt::format(", \"deadline_s\": {}", *job.deadline_s);
    text += ", \"layers\": [";
    for (const TraceLayer& l : job.layers) {
      text += fmt::format("{}{{\"name\": \"{}\", \"tasks\": {}, \"task_s\": {}", &l == &job.layers.front() ? "" : ", ",
                          l.name, l.tasks, l.task_s);
      if (!l.model.empty()) text += fmt::format(", \"model\": \"{}\"", l.model);
      if (l.noise > 0) text += fmt::format(", \"noise\": {}", l.noise);
      if (l.start_s > 0) text += fmt::format(", \"start_s\": {}", l.start_s);
      if (l.chain) text += ", \"plan\": \"chain\"";
      if (l.chunk) text += fmt::format(", \"chunk\": {}", *l.chunk);
      if (l.device) text += fmt::format(", \"device\": \"{}\"", device(*l.device));
      if (l.memory_bytes > 0) text += fmt::format(", \"memory\": \"{}B\"", l.memory_bytes);
      std::string after;
      for (const std::uint32_t before : l.after)
        after += (after.empty() ? "\"" : ", \"") + job.layers[before].name + "\"";
      if (!after.empty()) text += ", \"after\": [" + after + "]";
      text += "}";
    }
    text += "]}\n";
  }
  return text;
}

bool is_able(const FarmTrace& trace, const TraceWorkers& workers, const TraceLayer& layer) {
  return (!layer.device || *layer.device == workers.kind) && trace.memory_of(layer) <= workers.memory_bytes;
}

}  // namespace framemill::sim
