// Specs and their errors as JSON. The canonical spec has its defaults spelled out and its handles not yet applied, so
// that parsing it gives the spec it was made from.
#include "jobs/spec_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/rfc3339.h"
#include "base/units.h"
#include "config/text_rules.h"
#include "jobs/canonical_json.h"
#include "jobs/kind.h"

namespace framemill::jobs {
namespace {

namespace json = boost::json;

std::string handles_text(std::int32_t handles) {
  return fmt::format("+{}", handles);
}

// The range and frames as they were before handles widened them.
FrameSpan without_handles(FrameSpan range, std::int32_t handles) {
  return {range.first + handles, range.last - handles, 1};
}
std::string span_text(FrameSpan span) {
  return FrameSet(span.first, span.last).text();
}

json::object input_json(const LayerInput& input) {
  json::object out;
  if (!input.layer.empty()) out["layer"] = input.layer;
  if (input.variant) out["variant"] = *input.variant;
  if (input.layer.empty()) {
    out["root"] = input.root;
    out["pattern"] = input.pattern;
  }
  if (input.frames) out["frames"] = input.frames->text();
  if (!input.name.empty()) out["name"] = input.name;
  return out;
}

json::object needs_json(const Needs& needs) {
  json::object out{{"device", name(needs.device)}};
  if (needs.device_memory_bytes) out["device_memory"] = base::size_text(*needs.device_memory_bytes);
  if (needs.host_memory_bytes) out["host_memory"] = base::size_text(*needs.host_memory_bytes);
  if (needs.cpus) out["cpus"] = *needs.cpus;
  return out;
}

json::object layer_json(const LayerSpec& layer) {
  json::object out{{"name", layer.name},
                   {"kind", name(layer.kind)},
                   {"shot", layer.shot},
                   {"after", texts_json(layer.after)},
                   {"retries", layer.retries},
                   {"needs", needs_json(layer.needs)},
                   {"output", layer.output},
                   {"root", layer.root},
                   {"reproducibility", name(layer.reproducibility)}};
  json::array inputs;
  for (const LayerInput& input : layer.inputs) inputs.push_back(input_json(input));
  if (!inputs.empty()) out["input"] = std::move(inputs);
  if (layer.check != OutputCheck::Auto) out["check"] = name(layer.check);
  if (!layer.limits.empty()) out["limits"] = texts_json(layer.limits);
  if (layer.timeout) out["timeout"] = base::duration_text(*layer.timeout);
  if (layer.missing_after) out["missing_after"] = base::duration_text(*layer.missing_after);
  if (traits(layer.kind).takes_frames) {
    const FrameSpan range = without_handles(layer.shot_range, layer.handles);
    out["shot_range"] = span_text(range);
    out["handles"] = handles_text(layer.handles);
    out["frames"] = layer.frames.within(range.first, range.last).text();
    if (layer.chunk)
      out["chunk"] = *layer.chunk;
    else
      out["chunk"] = "auto";
  }
  kind_of(layer.kind).write(out, layer);
  return out;
}

json::value optional_number(const std::optional<std::uint32_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

}  // namespace

json::value rate_json(FrameRate rate) {
  if (rate.den == 1) return rate.num;
  return json::value(rate.text());
}

json::array texts_json(const std::vector<std::string>& values) {
  json::array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}

json::array references_json(const std::vector<JobReference>& references) {
  json::array out;
  for (const JobReference& reference : references) {
    json::object item{{"when", reference.any_end ? "over" : "done"}};
    if (reference.job != 0) item["job"] = reference.job;
    if (!reference.name.empty()) item["name"] = reference.name;
    if (reference.version) item["version"] = *reference.version;
    if (!reference.shot.empty()) item["shot"] = reference.shot;
    out.push_back(std::move(item));
  }
  return out;
}

std::string canonical_json(const JobSpec& spec) {
  json::object out{{"api", "framemill/v1"},
                   {"name", spec.name},
                   {"show", spec.show},
                   {"priority", spec.priority},
                   {"tags", texts_json(spec.tags)},
                   {"shot_range", span_text(without_handles(spec.shot_range, spec.handles))},
                   {"handles", handles_text(spec.handles)}};
  if (!spec.sequence.empty()) out["sequence"] = spec.sequence;
  if (!spec.shot.empty()) out["shot"] = spec.shot;
  if (spec.fps) out["fps"] = rate_json(*spec.fps);
  if (spec.deadline) out["deadline"] = base::format_rfc3339(*spec.deadline, base::Milliseconds::WhereAny);
  if (spec.start_after) out["start_after"] = base::format_rfc3339(*spec.start_after, base::Milliseconds::WhereAny);
  if (spec.start_delay) out["start_after"] = base::duration_text(*spec.start_delay);
  if (!spec.after_jobs.empty()) out["after_job"] = references_json(spec.after_jobs);
  if (spec.version)
    out["version"] = *spec.version;
  else
    out["version"] = "next";
  json::array layers;
  for (const LayerSpec& layer : spec.layers) layers.push_back(layer_json(layer));
  out["layer"] = std::move(layers);
  return canonical_text(out);
}

std::string errors_json(const std::vector<SpecError>& errors) {
  json::array out;
  for (const SpecError& error : errors)
    out.push_back(json::object{{"code", error.code},
                               {"line", optional_number(error.line)},
                               {"column", optional_number(error.column)},
                               {"field", error.field},
                               {"message", error.message},
                               {"expected", error.expected},
                               {"suggestion", error.suggestion}});
  return json::serialize(out);
}

}  // namespace framemill::jobs
