#include "scheduler/store/record_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <exception>
#include <optional>

#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

namespace json = boost::json;

// In the order of the enumerators.
constexpr std::array<std::string_view, 5> kRemakeOutcomes{"open", "equal", "same_samples", "replaced", "differs"};

base::Error bad_column(std::string_view what) {
  return base::error_of(StoreError::Corrupt, fmt::format("a column that should hold {} does not", what), "",
                        "run framemill-scheduler verify; restore a backup");
}

template <class Id>
std::string ids_json(const std::vector<Id>& ids) {
  if (ids.empty()) return "[]";
  json::array array;
  for (const Id id : ids) array.emplace_back(id.value);
  return json::serialize(array);
}

template <class Id>
base::Status ids_from(std::string_view text, std::vector<Id>& ids) {
  ids.clear();
  if (text == "[]") return {};
  boost::system::error_code fault;
  const json::value value = json::parse(text, fault);
  if (fault || !value.is_array()) return bad_column("a list of ids");
  for (const json::value& item : value.get_array()) {
    const auto id = item.is_number() ? item.to_number<std::uint32_t>(fault) : 0u;
    if (fault || !item.is_number()) return bad_column("a list of ids");
    ids.push_back(Id(id));
  }
  return {};
}

template <class Enum>
base::Status named(std::optional<Enum> found, std::string_view text, std::string_view what, Enum& value) {
  if (!found)
    return base::error_of(StoreError::Corrupt, fmt::format("'{}' is not the name of {}", text, what), "",
                          "run framemill-scheduler verify; restore a backup");
  value = *found;
  return {};
}

json::object memory_json(const jobs::MemoryPrior& memory) {
  json::object out{{"resident_bytes", memory.resident_bytes},
                   {"per_window_bytes", memory.per_window_bytes},
                   {"host_bytes", memory.host_bytes}};
  if (memory.pixel_bytes > 0) out["pixel_bytes"] = memory.pixel_bytes;
  if (memory.voxel_bytes > 0) out["voxel_bytes"] = memory.voxel_bytes;
  return out;
}

json::object limits_json(const jobs::WindowLimits& limits) {
  return {{"frames_min", limits.frames_min}, {"frames_max", limits.frames_max}, {"size_multiple", limits.size_multiple},
          {"width_max", limits.width_max},   {"height_max", limits.height_max}, {"pixels_max", limits.pixels_max}};
}

json::object package_json(const jobs::PackageFacts& facts) {
  json::object out{{"name", facts.name},
                   {"version", facts.version},
                   {"root_digest", facts.root_digest.hex()},
                   {"window_frames", facts.window_frames},
                   {"context_frames", facts.context_frames},
                   {"time_ratio_mul", facts.time_ratio.mul},
                   {"time_ratio_add", facts.time_ratio.add},
                   {"carry", facts.carry == jobs::CarryKind::Latents ? "latents" : "frames"},
                   {"width", facts.width},
                   {"height", facts.height},
                   {"fps", facts.fps},
                   {"default_steps", facts.default_steps},
                   {"steps_max", facts.steps_max},
                   {"default_guidance", facts.default_guidance},
                   {"guidance_max", facts.guidance_max},
                   {"colour_space", facts.colour_space},
                   {"cpu_memory", memory_json(facts.cpu_memory)},
                   {"cuda_memory", memory_json(facts.cuda_memory)},
                   {"batch_max", facts.batch_max},
                   {"batch_max_cpu", facts.batch_max_cpu}};
  if (facts.limits != jobs::WindowLimits()) out["limits"] = limits_json(facts.limits);
  if (facts.conditioning == jobs::ConditioningKind::Text) out["max_tokens"] = facts.max_tokens;
  return out;
}

// Throws what boost::json throws when a key is missing or of another kind; from_column() turns it into an error.
jobs::MemoryPrior memory_from(const json::value& value) {
  const auto bytes = [&](const char* key) { return value.at(key).to_number<std::uint64_t>(); };
  jobs::MemoryPrior memory;
  memory.resident_bytes = bytes("resident_bytes");
  memory.per_window_bytes = bytes("per_window_bytes");
  memory.host_bytes = bytes("host_bytes");
  if (value.as_object().contains("pixel_bytes")) memory.pixel_bytes = bytes("pixel_bytes");
  if (value.as_object().contains("voxel_bytes")) memory.voxel_bytes = bytes("voxel_bytes");
  return memory;
}

jobs::WindowLimits limits_from(const json::value& value) {
  const auto whole = [&](const char* key) { return value.at(key).to_number<std::int32_t>(); };
  return {whole("frames_min"), whole("frames_max"), whole("size_multiple"),
          whole("width_max"),  whole("height_max"), value.at("pixels_max").to_number<std::int64_t>()};
}

jobs::PackageFacts package_from(const json::value& value) {
  const auto text = [&](const char* key) { return std::string(value.at(key).as_string()); };
  const auto whole = [&](const char* key) { return value.at(key).to_number<std::int32_t>(); };
  jobs::PackageFacts facts;
  facts.name = text("name");
  facts.version = text("version");
  facts.root_digest = base::Sha256::from_hex(text("root_digest")).value();
  facts.window_frames = whole("window_frames");
  facts.context_frames = whole("context_frames");
  facts.time_ratio = {whole("time_ratio_mul"), whole("time_ratio_add")};
  facts.carry = text("carry") == "frames" ? jobs::CarryKind::Frames : jobs::CarryKind::Latents;
  facts.width = whole("width");
  facts.height = whole("height");
  facts.fps = whole("fps");
  facts.default_steps = whole("default_steps");
  facts.steps_max = whole("steps_max");
  facts.default_guidance = value.at("default_guidance").to_number<double>();
  facts.guidance_max = value.at("guidance_max").to_number<double>();
  facts.colour_space = text("colour_space");
  facts.cpu_memory = memory_from(value.at("cpu_memory"));
  facts.cuda_memory = memory_from(value.at("cuda_memory"));
  facts.batch_max = whole("batch_max");
  if (value.as_object().contains("batch_max_cpu")) facts.batch_max_cpu = whole("batch_max_cpu");  // not in old records
  if (value.as_object().contains("limits")) facts.limits = limits_from(value.at("limits"));
  if (value.as_object().contains("max_tokens")) {
    facts.conditioning = jobs::ConditioningKind::Text;
    facts.max_tokens = whole("max_tokens");
  }
  return facts;
}

}  // namespace

std::string column_text(const std::vector<JobId>& ids) {
  return ids_json(ids);
}
std::string column_text(const std::vector<WorkerId>& ids) {
  return ids_json(ids);
}

std::string column_text(const std::vector<std::string>& texts) {
  if (texts.empty()) return "[]";
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return json::serialize(array);
}

std::string column_text(const std::vector<Hold>& holds) {
  if (holds.empty()) return "[]";
  json::array array;
  for (const Hold& hold : holds)
    array.emplace_back(json::array{jobs::name(hold.kind), hold.placed.principal, hold.placed.time.unix_ms,
                                   hold.placed.reason, hold.until.unix_ms});
  return json::serialize(array);
}
std::string column_text(const std::vector<AwaitedJob>& awaits) {
  if (awaits.empty()) return "[]";
  json::array array;
  for (const AwaitedJob& awaited : awaits)
    array.emplace_back(json::array{awaited.job.value, awaited.any_end ? "over" : "done"});
  return json::serialize(array);
}
std::string column_text(const std::vector<StuckLayer>& stuck) {
  if (stuck.empty()) return "[]";
  json::array array;
  for (const StuckLayer& layer : stuck)
    array.emplace_back(json::array{layer.layer, layer.since.unix_ms, layer.code, layer.message});
  return json::serialize(array);
}

std::string column_text(const std::vector<BatchSize>& sizes) {
  if (sizes.empty()) return "[]";
  json::array array;
  for (const BatchSize& size : sizes) array.emplace_back(json::array{size.windows, size.calls});
  return json::serialize(array);
}

std::string column_text(const FileWaits& waits) {
  if (waits.spans.empty()) return "[]";
  json::array array{waits.clock.ms};
  for (const FileWaits::Span& span : waits.spans)
    array.emplace_back(json::array{span.tasks.first, span.tasks.count, span.since.ms, span.wall_since.unix_ms});
  return json::serialize(array);
}

std::string column_text(const std::vector<jobs::PackageFacts>& packages) {
  json::array array;
  for (const jobs::PackageFacts& facts : packages) array.push_back(package_json(facts));
  return json::serialize(array);
}

std::string column_text(const AttemptId& attempt) {
  return attempt ? attempt.text() : std::string();
}

std::string hex_text(std::uint64_t bits) {
  return fmt::format("{:016x}", bits);
}

std::string_view column_text(jobs::JobState state) {
  return jobs::name(state);
}
std::string_view column_text(jobs::PhaseState state) {
  return jobs::name(state);
}
std::string_view column_text(jobs::Outcome outcome) {
  return jobs::outcome_row(outcome).code;
}
std::string_view column_text(jobs::PhaseKind kind) {
  return jobs::name(kind);
}
std::string_view column_text(RemakeOutcome outcome) {
  return kRemakeOutcomes.at(static_cast<std::size_t>(outcome));
}
std::string_view column_text(jobs::LayerKind kind) {
  return jobs::name(kind);
}

base::Status from_column(std::string_view text, std::vector<JobId>& ids) {
  return ids_from(text, ids);
}
base::Status from_column(std::string_view text, std::vector<WorkerId>& ids) {
  return ids_from(text, ids);
}

base::Status from_column(std::string_view text, std::vector<Hold>& holds) {
  holds.clear();
  if (text == "[]") return {};
  boost::system::error_code fault;
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // a person's words, as they came
  const json::value value = json::parse(text, fault, {}, options);
  if (fault || !value.is_array()) return bad_column("a list of holds");
  for (const json::value& item : value.get_array()) {
    const json::array* row = item.if_array();
    if (row == nullptr || row->size() != 5 || !(*row)[0].is_string() || !(*row)[1].is_string() ||
        !(*row)[2].is_int64() || !(*row)[3].is_string() || !(*row)[4].is_int64())
      return bad_column("a list of holds");
    const auto kind = jobs::hold_kind_from_name((*row)[0].get_string());
    if (!kind) return bad_column("a kind of hold");
    holds.push_back({*kind,
                     {std::string((*row)[1].get_string()), base::WallTime{(*row)[2].get_int64()},
                      std::string((*row)[3].get_string())},
                     base::WallTime{(*row)[4].get_int64()}});
  }
  return {};
}
base::Status from_column(std::string_view text, std::vector<AwaitedJob>& awaits) {
  awaits.clear();
  if (text == "[]") return {};
  boost::system::error_code fault;
  const json::value value = json::parse(text, fault);
  if (fault || !value.is_array()) return bad_column("a list of awaited jobs");
  for (const json::value& item : value.get_array()) {
    const json::array* row = item.if_array();
    if (row == nullptr || row->size() != 2 || !(*row)[0].is_int64() || !(*row)[1].is_string() ||
        (*row)[0].get_int64() < 1 || (*row)[0].get_int64() > UINT32_MAX)
      return bad_column("a list of awaited jobs");
    const bool any_end = (*row)[1].get_string() == "over";
    if (!any_end && (*row)[1].get_string() != "done") return bad_column("a list of awaited jobs");
    awaits.push_back({JobId(static_cast<std::uint32_t>((*row)[0].get_int64())), any_end});
  }
  return {};
}
base::Status from_column(std::string_view text, std::vector<StuckLayer>& stuck) {
  stuck.clear();
  if (text == "[]") return {};
  boost::system::error_code fault;
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // a worker's words, as they came
  const json::value value = json::parse(text, fault, {}, options);
  if (fault || !value.is_array()) return bad_column("a list of held layers");
  for (const json::value& item : value.get_array()) {
    const json::array* row = item.if_array();
    if (row == nullptr || row->size() != 4 || !(*row)[0].is_int64() || !(*row)[1].is_int64() ||
        !(*row)[2].is_string() || !(*row)[3].is_string() || (*row)[0].get_int64() < 0 ||
        (*row)[0].get_int64() > UINT32_MAX)
      return bad_column("a list of held layers");
    stuck.push_back({static_cast<std::uint32_t>((*row)[0].get_int64()), base::WallTime{(*row)[1].get_int64()},
                     std::string((*row)[2].get_string()), std::string((*row)[3].get_string())});
  }
  return {};
}

base::Status from_column(std::string_view text, std::vector<std::string>& texts) {
  texts.clear();
  if (text == "[]") return {};
  boost::system::error_code fault;
  const json::value value = json::parse(text, fault);
  if (fault || !value.is_array()) return bad_column("a list of texts");
  for (const json::value& item : value.get_array()) {
    if (!item.is_string()) return bad_column("a list of texts");
    texts.emplace_back(item.get_string());
  }
  return {};
}

base::Status from_column(std::string_view text, std::vector<BatchSize>& sizes) {
  sizes.clear();
  if (text == "[]") return {};
  try {
    const json::value value = json::parse(text);
    for (const json::value& item : value.as_array()) {
      const json::array& pair = item.as_array();
      sizes.push_back({pair.at(0).to_number<std::uint32_t>(), pair.at(1).to_number<std::uint32_t>()});
    }
  } catch (const std::exception&) {  // the library speaks of its own source lines
    return bad_column("batch sizes");
  }
  return {};
}

base::Status from_column(std::string_view text, FileWaits& waits) {
  waits = {};
  if (text == "[]" || text.empty()) return {};  // no text: a row of a LEFT JOIN
  try {
    const json::value value = json::parse(text);
    const json::array& all = value.as_array();
    waits.clock = base::milliseconds(all.at(0).to_number<std::int64_t>());
    for (std::size_t i = 1; i < all.size(); ++i) {
      const json::array& span = all[i].as_array();
      waits.spans.push_back({{span.at(0).to_number<TaskIndex>(), span.at(1).to_number<std::uint32_t>()},
                             base::milliseconds(span.at(2).to_number<std::int64_t>()),
                             {span.at(3).to_number<std::int64_t>()}});
    }
  } catch (const std::exception&) {  // the library speaks of its own source lines
    return bad_column("how long tasks have waited for files");
  }
  return {};
}

base::Status from_column(std::string_view text, std::vector<jobs::PackageFacts>& packages) {
  packages.clear();
  try {
    const json::value value = json::parse(text);
    for (const json::value& item : value.as_array()) packages.push_back(package_from(item));
  } catch (const std::exception&) {  // the library speaks of its own source lines
    return bad_column("the facts of model packages");
  }
  return {};
}

base::Status from_column(std::string_view text, AttemptId& attempt) {
  attempt = {};
  if (text.empty()) return {};
  const std::optional<AttemptId> parsed = AttemptId::parse(text);
  if (!parsed) return bad_column("the id of an attempt");
  attempt = *parsed;
  return {};
}

base::Status from_column(std::string_view text, jobs::JobState& state) {
  return named(jobs::job_state_from_name(text), text, "a job's state", state);
}
base::Status from_column(std::string_view text, jobs::PhaseState& state) {
  return named(jobs::phase_state_from_name(text), text, "a phase's state", state);
}
base::Status from_column(std::string_view text, jobs::Outcome& outcome) {
  return named(jobs::outcome_from_code(text), text, "an attempt's outcome", outcome);
}
base::Status from_column(std::string_view text, RemakeOutcome& outcome) {
  const auto found = std::find(kRemakeOutcomes.begin(), kRemakeOutcomes.end(), text);
  std::optional<RemakeOutcome> parsed;
  if (found != kRemakeOutcomes.end()) parsed = static_cast<RemakeOutcome>(found - kRemakeOutcomes.begin());
  return named(parsed, text, "a remake's outcome", outcome);
}

base::Result<std::uint64_t> bits_from(std::string_view hex) {
  std::uint64_t bits = 0;
  const auto [end, fault] = std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
  if (fault != std::errc() || end != hex.data() + hex.size()) return bad_column("hexadecimal digits");
  return bits;
}

}  // namespace framemill::scheduler::store
