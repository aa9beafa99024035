#include "scheduler/http/forecast_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

using forecast::JobForecast;
using forecast::Lever;

json::value share_json(const std::optional<double>& share) {
  if (!share) return nullptr;
  return std::round(*share * 1000) / 1000;
}

std::string reason_of(const std::string& state, const JobForecast* told, const std::string& problem) {
  if (state == "pending")
    return problem.empty() ? "the farm has not been looked ahead since it was submitted or changed" : problem;
  if (told == nullptr) return {};
  if (state == "measuring") return fmt::format("layer {}: no work of its kind has been measured yet", told->layer);
  if (state == "beyond") return "more work comes before it than is looked ahead: later than this, no nearer time";
  if (state == "blocked" && told->state == JobForecast::State::Blocked)
    return fmt::format("layer {}: its work is never placed as the farm is now", told->layer);
  return {};
}

std::string minutes_text(base::Duration time) {
  const std::int64_t minutes = (time.ms + 30'000) / 60'000;
  if (minutes < 60) return fmt::format("{} min", std::max<std::int64_t>(minutes, 1));
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string subject_of(const Lever& lever) {
  switch (lever.kind) {
    case Lever::Kind::Priority:
      return fmt::format("priority {}", lever.value);
    case Lever::Kind::Slots:
      return fmt::format("{} more slot{} like those on {}", lever.value, lever.value == 1 ? "" : "s", lever.subject);
    case Lever::Kind::Steps:
      return fmt::format("{} steps in layer {}", lever.value, lever.subject);
    case Lever::Kind::Variants:
      return fmt::format("{} variant{} of layer {}", lever.value, lever.value == 1 ? "" : "s", lever.subject);
    case Lever::Kind::Rival:
      return fmt::format("pausing job {} {}", lever.value, lever.subject);
  }
  return {};
}

bool is_plural(const Lever& lever) {
  const bool counts = lever.kind != Lever::Kind::Priority && lever.kind != Lever::Kind::Rival;
  return counts && lever.value != 1;
}

json::object lever_json(const Lever& lever) {
  json::array costs;
  for (const Lever::Cost& cost : lever.costs)
    costs.emplace_back(json::object{{"job", cost.job.value},
                                    {"name", text_json(cost.name)},
                                    {"show", text_json(cost.show)},
                                    {"later_ms", cost.later.ms}});
  return {{"kind", name(lever.kind)},
          {"value", lever.value},
          {"subject", text_json(lever.subject)},
          {"ready_p50", lever.ready ? time_json(lever.ready->p50) : nullptr},
          {"ready_p90", lever.ready ? time_json(lever.ready->p90) : nullptr},
          {"on_time", share_json(lever.on_time)},
          {"costs", std::move(costs)},
          {"sentence", text_json(sentence_of(lever))}};
}

json::value layer_eta_ms(const JobView& job, std::size_t layer, const Foretold& foretold) {
  const JobForecast* told = foretold.forecasts->find(job.id);
  if (forecast_state(job, told) != "estimated" || layer >= told->layers.size() || !told->layers[layer]) return nullptr;
  return std::max<std::int64_t>(told->layers[layer]->p50.unix_ms - foretold.now.unix_ms, 0);
}

}  // namespace

std::string forecast_state(const JobView& job, const JobForecast* told) {
  if (jobs::is_final(job.state)) return "none";
  if (!job.holds.empty()) return "held";
  // What is throttled goes on, only slower.
  const Condition::Kind kind = job.condition.kind;
  if (kind != Condition::Kind::None && kind != Condition::Kind::Throttled) return std::string(name(kind));
  if (!job.missing_inputs.empty()) return "input_missing";
  if (told == nullptr) return "pending";
  return std::string(name(told->state));
}

json::object forecast_json(const JobView& job, const JobForecast* told, const std::string& problem) {
  const std::string state = forecast_state(job, told);
  const bool estimated = state == "estimated" && told->ready.has_value();
  const bool beyond = state == "beyond";
  json::value progress = nullptr;
  if (told != nullptr && state != "none") progress = share_json(told->progress);
  return {{"state", state},
          {"ready_p50", estimated ? time_json(told->ready->p50) : nullptr},
          {"ready_p90", estimated ? time_json(told->ready->p90) : nullptr},
          {"later_than", beyond ? time_json(told->later_than) : nullptr},
          {"on_time", estimated || beyond ? share_json(told->on_time) : nullptr},
          {"progress", std::move(progress)},
          {"reason", text_json(reason_of(state, told, problem))}};
}

json::value eta_ms_json(const JobView& job, const Foretold& foretold) {
  const JobForecast* told = foretold.forecasts->find(job.id);
  if (forecast_state(job, told) != "estimated" || !told->ready) return nullptr;
  return std::max<std::int64_t>(told->ready->p50.unix_ms - foretold.now.unix_ms, 0);
}

void add_foretold(json::object& out, const JobView& job, const Foretold& foretold) {
  out["forecast"] = forecast_json(job, foretold.forecasts->find(job.id), foretold.forecasts->problem);
  out["eta_ms"] = eta_ms_json(job, foretold);
  json::value* layers = out.if_contains("layers");
  if (layers == nullptr) return;
  std::size_t index = 0;
  for (json::value& layer : layers->as_array()) layer.as_object()["eta_ms"] = layer_eta_ms(job, index++, foretold);
}

std::string sentence_of(const Lever& lever) {
  std::string out = subject_of(lever);
  if (lever.on_time)
    out += fmt::format(" {} it {:.0f} % likely", is_plural(lever) ? "make" : "makes", 100 * *lever.on_time);
  std::string costs;
  for (const Lever::Cost& cost : lever.costs)
    costs +=
        fmt::format("{}{} (job {}) {}", costs.empty() ? "" : ", ", cost.show, cost.job.value, minutes_text(cost.later));
  return costs.empty() ? out : out + ", costs " + costs;
}

json::object levers_json(const forecast::LeverView& view) {
  json::array items;
  for (const Lever& lever : view.levers) items.emplace_back(lever_json(lever));
  return {{"tried", view.tried}, {"futures", view.futures}, {"cut", view.cut}, {"items", std::move(items)}};
}

}  // namespace framemill::scheduler
