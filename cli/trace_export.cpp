#include "cli/trace_export.h"

#include <algorithm>
#include <cmath>

#include "base/rfc3339.h"
#include "jobs/phase_kind.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kAttemptsForNoise = 8;  // fewer say little about how much tasks differ
constexpr double kLeastSeconds = 0.001;

std::int64_t unix_ms(const std::string& rfc3339) {
  return base::parse_rfc3339(rfc3339).value_or(base::WallTime{}).unix_ms;
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

// Attempts tell sums over their tasks: of n equal draws the mean varies by 1/sqrt(n) of what one does.
double TraceExport::Layer::noise() const {
  if (attempts.size() < kAttemptsForNoise) return 0;
  const double mean = seconds / static_cast<double>(tasks);
  double squares = 0;
  for (const auto& [count, its] : attempts) {
    const double n = static_cast<double>(count), off = its / n / mean - 1;
    squares += off * off * n;
  }
  return std::min(std::sqrt(squares / static_cast<double>(attempts.size())), 2.0);
}

base::Status TraceExport::add_workers(const json::array& workers) {
  for (const json::value& item : workers) {
    JsonReader reader(item, "worker");
    Worker worker;
    worker.name = reader.text("name");
    worker.slots = static_cast<std::int64_t>(reader.list("slots").size());
    const json::array& devices = reader.list("devices");
    FM_TRY(reader.status());
    if (devices.empty() || worker.slots == 0) continue;
    JsonReader device(devices.front(), "device");
    worker.device_class = device.text("device_class");
    worker.kind = device.text("kind");
    worker.memory_bytes = device.integer("memory_bytes_budget");
    FM_TRY(device.status());
    workers_.push_back(std::move(worker));
  }
  return {};
}

base::Status TraceExport::add_attempt(const json::value& attempt,
                                      std::map<std::pair<std::string, std::int64_t>, Layer>& layers) {
  JsonReader reader(attempt, "attempt");
  const std::string name = reader.text("layer"), phase = reader.text("phase"), device = reader.text("device_class");
  const std::int64_t variant = reader.integer("variant"), tasks = reader.integer("tasks_committed");
  JsonReader usage(reader.field("usage"), "usage");
  const std::int64_t compute_us = usage.integer("compute_us"), wall_us = usage.integer("wall_us"),
                     load_us = usage.integer("load_us"), loads = usage.integer("model_loads"),
                     peak_bytes = usage.integer("peak_bytes");
  reader.take(usage.status());
  FM_TRY(reader.status());
  const auto kind = jobs::phase_kind_from_name(phase);
  const bool windowed = kind && jobs::traits(*kind).windowed;
  const auto found = layers.find({name, windowed ? variant : 0});
  if (found == layers.end()) return {};
  Layer& layer = found->second;
  if (!layer.model.empty()) {
    Model& model = models_[layer.model];
    model.loads += loads;
    model.load_seconds += static_cast<double>(load_us) / 1e6;
    model.peak_bytes = std::max(model.peak_bytes, peak_bytes);
  }
  if (tasks <= 0) return {};
  // A program has no compute time of its own; it holds its slot while it runs.
  const double seconds = static_cast<double>(compute_us > 0 ? compute_us : wall_us) / 1e6;
  layer.seconds += seconds;
  Made& made = layer.by_class[device];
  made.seconds += seconds;
  if (windowed && !jobs::traits(*kind).stepped) return {};  // its decode: part of a window's time
  layer.tasks += tasks;
  made.tasks += tasks;
  layer.attempts.emplace_back(tasks, seconds);
  return {};
}

base::Status TraceExport::add_job(const json::value& job_row, const json::value& plan, const json::array& attempts) {
  JsonReader row(job_row, "job");
  Job job;
  job.id = row.integer("id");
  job.priority = row.integer("priority");
  job.name = row.text("name");
  job.show = row.text("show");
  job.user = row.text("principal");
  job.submitted_ms = unix_ms(row.text("submitted"));
  FM_TRY(row.status());
  JsonReader outer(plan, "plan");
  JsonReader spec(outer.field("spec"), "spec");
  if (const std::string deadline = spec.text_or_empty("deadline"); !deadline.empty())
    job.deadline_ms = unix_ms(deadline);
  std::map<std::pair<std::string, std::int64_t>, Layer> layers;
  std::vector<std::pair<std::string, std::int64_t>> order;
  for (const json::value& item : spec.list("layer")) {
    JsonReader reader(item, "layer");
    Layer layer;
    layer.name = reader.text("name");
    layer.model = reader.text_or_empty("model");
    layer.plan = reader.text_or_empty("plan");
    if (reader.has("after"))
      for (const std::string& before : reader.texts("after")) layer.after.insert(before);
    if (reader.has("inputs"))
      for (const json::value& input : reader.list("inputs"))
        if (std::string before = JsonReader(input, "input").text_or_empty("layer"); !before.empty())
          layer.after.insert(std::move(before));
    const std::int64_t variants = layer.model.empty() ? 1 : reader.optional_integer("variants").value_or(1);
    spec.take(reader.status());
    for (std::int64_t v = 0; v < std::clamp<std::int64_t>(variants, 1, 1'000); ++v) {
      order.emplace_back(layer.name, v);
      layers[order.back()] = layer;
    }
  }
  FM_TRY(outer.status());
  FM_TRY(spec.status());
  for (const json::value& attempt : attempts) FM_TRY(add_attempt(attempt, layers));
  for (const auto& key : order)
    if (Layer& layer = layers.at(key); layer.tasks > 0) {
      if (key.second > 0) layer.name += "-" + std::to_string(key.second + 1);
      job.layers.push_back(std::move(layer));
    }
  if (!job.layers.empty()) jobs_.push_back(std::move(job));
  return {};
}

// How much faster a class is, from layers that several classes worked at, weighted by what they made.
std::map<std::string, double> TraceExport::speeds() const {
  std::map<std::string, std::int64_t> made;
  for (const Job& job : jobs_)
    for (const Layer& layer : job.layers)
      for (const auto& [name, by] : layer.by_class) made[name] += by.tasks;
  std::map<std::string, double> speeds;
  if (made.empty()) return speeds;
  const std::string reference = std::max_element(made.begin(), made.end(), [](const auto& a, const auto& b) {
                                  return a.second < b.second;
                                })->first;
  for (const auto& [name, tasks] : made) {
    double logs = 0, weight = 0;
    for (const Job& job : jobs_)
      for (const Layer& layer : job.layers) {
        const auto here = layer.by_class.find(name), there = layer.by_class.find(reference);
        if (here == layer.by_class.end() || there == layer.by_class.end()) continue;
        const Made &a = here->second, &b = there->second;
        if (a.tasks == 0 || b.tasks == 0 || a.seconds <= 0 || b.seconds <= 0) continue;
        const double common = static_cast<double>(std::min(a.tasks, b.tasks));
        logs += common * std::log(b.seconds / static_cast<double>(b.tasks) * static_cast<double>(a.tasks) / a.seconds);
        weight += common;
      }
    speeds[name] = weight > 0 ? std::clamp(std::exp(logs / weight), 0.001, 1000.0) : 1;
  }
  return speeds;
}

std::string TraceExport::text() const {
  const std::map<std::string, double> speed_of = speeds();
  const auto speed = [&](const std::string& name) {
    const auto found = speed_of.find(name);
    return found == speed_of.end() ? 1.0 : found->second;
  };
  std::string text = "{\"trace\":\"framemill/v1\"}\n";
  const auto add = [&](const json::object& line) { text += json::serialize(line) + "\n"; };
  for (const Worker& worker : workers_)
    add({{"worker", worker.name},
         {"slots", worker.slots},
         {"device", worker.kind},
         {"class", worker.device_class},
         {"memory", std::to_string(worker.memory_bytes) + "B"},
         {"speed", rounded(speed(worker.device_class))}});
  for (const auto& [name, model] : models_)
    add({{"model", name},
         {"load_s", model.loads > 0 ? rounded(model.load_seconds / static_cast<double>(model.loads)) : 0},
         {"memory", std::to_string(std::max<std::int64_t>(model.peak_bytes, 1)) + "B"}});
  std::int64_t begins_ms = INT64_MAX;
  for (const Job& job : jobs_) begins_ms = std::min(begins_ms, job.submitted_ms);
  for (const Job& job : jobs_) {
    json::object line{{"job", job.name},
                      {"show", job.show},
                      {"user", job.user},
                      {"at_s", static_cast<double>(job.submitted_ms - begins_ms) / 1000},
                      {"priority", job.priority}};
    if (job.deadline_ms > 0)
      line["deadline_s"] = std::max(0.0, static_cast<double>(job.deadline_ms - begins_ms) / 1000);
    json::array layers;
    for (const Layer& layer : job.layers) {
      double reference_s = 0;  // what its tasks would have taken at speed 1
      for (const auto& [name, made] : layer.by_class) reference_s += made.seconds * speed(name);
      json::object its{{"name", layer.name},
                       {"tasks", layer.tasks},
                       {"task_s", std::max(rounded(reference_s / static_cast<double>(layer.tasks)), kLeastSeconds)}};
      if (!layer.model.empty()) its["model"] = layer.model;
      if (layer.plan == "chain") its["plan"] = "chain";
      if (const double noise = rounded(layer.noise()); noise > 0) its["noise"] = noise;
      json::array after;
      for (const Layer& other : job.layers) {
        if (&other == &layer) break;
        if (layer.after.contains(other.name)) after.push_back(json::string(other.name));
      }
      if (!after.empty()) its["after"] = std::move(after);
      layers.push_back(std::move(its));
    }
    line["layers"] = std::move(layers);
    add(line);
  }
  return text;
}

}  // namespace framemill::cli
