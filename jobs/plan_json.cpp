// Plans as canonical JSON: what is hashed and what the store keeps. Reading checks every figure that a formula divides
// by or multiplies with, although the digest already tells damage from intent.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/check.h"
#include "jobs/canonical_json.h"
#include "jobs/plan.h"

namespace framemill::jobs {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormNames[] = {"linear", "range", "all", "frames"};

json::array range_json(TaskRange range) {
  return {range.first, range.count};
}

json::object need_json(const Need& need) {
  json::object out{{"phase", need.phase},
                   {"applies", json::array{need.applies_first, need.applies_last}},
                   {"form", kFormNames[static_cast<std::size_t>(need.form)]},
                   {"reads_files", need.reads_files},
                   {"is_context", need.is_context},
                   {"frames", need.frames.text()},
                   {"input", need.input}};
  if (need.form == Need::Form::Linear) out["linear"] = json::array{need.mul, need.div, need.lo, need.hi};
  if (need.form == Need::Form::Frames) out["around"] = json::array{need.lo, need.hi};
  if (need.form == Need::Form::Range) out["range"] = range_json(need.range);
  return out;
}

constexpr std::string_view kReaderNames[] = {"all", "first", "own"};

json::object root_files_json(const RootFiles& files) {
  return {{"input", files.input},
          {"root", files.root},
          {"path", files.path_printf},
          {"frames", files.frames.text()},
          {"readers", kReaderNames[static_cast<std::size_t>(files.readers)]},
          {"around", json::array{files.lo, files.hi}},
          {"is_context", files.is_context}};
}

json::object phase_json(const PhasePlan& phase) {
  json::array needs, windows;
  for (const Need& need : phase.needs) needs.push_back(need_json(need));
  for (const TaskRange& run : phase.windows) windows.push_back(range_json(run));
  const WindowGrid& grid = phase.grid;
  json::object out{{"kind", name(phase.kind)},
                   {"layer", phase.layer},
                   {"variant", phase.variant},
                   {"seed", phase.seed},
                   {"task_count", phase.task_count},
                   {"needs", std::move(needs)},
                   {"grid",
                    {{"origin", grid.origin},
                     {"window_frames", grid.window_frames},
                     {"context_frames", grid.context_frames},
                     {"time_ratio", json::array{grid.time_ratio.mul, grid.time_ratio.add}},
                     {"window_count", grid.window_count}}},
                   {"windows", std::move(windows)},
                   {"frames", phase.frames.text()},
                   {"frames_per_task", phase.frames_per_task},
                   {"output_pattern", phase.output_pattern},
                   {"root", phase.root}};
  if (phase.root_files.empty()) return out;
  json::array root_files;
  for (const RootFiles& files : phase.root_files) root_files.push_back(root_files_json(files));
  out["root_files"] = std::move(root_files);
  return out;
}

json::array phases_json(const JobPlan& plan) {
  json::array phases;
  for (const PhasePlan& phase : plan.phases) phases.push_back(phase_json(phase));
  return phases;
}

// Everything below throws on a wrong shape; plan_from_json turns that into an error.
struct BadPlan {
  std::string what;
};

void require(bool ok, std::string_view what) {
  if (!ok) throw BadPlan{std::string(what)};
}

template <class Int>
Int whole(const json::value& value) {
  boost::system::error_code failure;
  const Int number = value.to_number<Int>(failure);
  require(!failure, "a number is missing or out of range");
  return number;
}

TaskRange range_from(const json::value& value) {
  const json::array& pair = value.as_array();
  require(pair.size() == 2, "a range is not a pair");
  const TaskRange range{whole<TaskIndex>(pair[0]), whole<std::uint32_t>(pair[1])};
  require(std::uint64_t{range.first} + range.count <= UINT32_MAX, "a range runs over");
  return range;
}

FrameSet frames_from(const json::value& value) {
  const std::string_view text = value.as_string();
  if (text.empty()) return {};
  auto frames = FrameSet::parse(text);
  require(frames.ok(), "frames do not parse");
  return std::move(*frames);
}

Need need_from(const json::value& value, std::size_t phase_count) {
  const json::object& in = value.as_object();
  Need need;
  need.phase = whole<PhaseIndex>(in.at("phase"));
  require(need.phase < phase_count, "a need names a phase that is not there");
  const json::array& applies = in.at("applies").as_array();
  need.applies_first = whole<TaskIndex>(applies.at(0));
  need.applies_last = whole<TaskIndex>(applies.at(1));
  const std::string_view form = in.at("form").as_string();
  std::size_t index = 0;
  while (index < std::size(kFormNames) && kFormNames[index] != form) ++index;
  require(index < std::size(kFormNames), "a need of an unknown form");
  need.form = static_cast<Need::Form>(index);
  if (need.form == Need::Form::Frames) {
    const json::array& around = in.at("around").as_array();
    need.lo = whole<std::int32_t>(around.at(0));
    need.hi = whole<std::int32_t>(around.at(1));
    require(need.lo <= need.hi, "a need of frames from behind their end");
  }
  if (need.form == Need::Form::Linear) {
    const json::array& linear = in.at("linear").as_array();
    need.mul = whole<std::int32_t>(linear.at(0));
    need.div = whole<std::int32_t>(linear.at(1));
    need.lo = whole<std::int32_t>(linear.at(2));
    need.hi = whole<std::int32_t>(linear.at(3));
    require(need.mul >= 0 && need.div >= 1 && need.lo <= need.hi, "a linear need that does not grow");
  }
  if (need.form == Need::Form::Range) need.range = range_from(in.at("range"));
  need.reads_files = in.at("reads_files").as_bool();
  need.is_context = in.at("is_context").as_bool();
  need.frames = frames_from(in.at("frames"));
  need.input = whole<std::int32_t>(in.at("input"));
  return need;
}

RootFiles root_files_from(const json::value& value) {
  const json::object& in = value.as_object();
  RootFiles files;
  files.input = whole<std::uint32_t>(in.at("input"));
  files.root = in.at("root").as_string().c_str();
  files.path_printf = in.at("path").as_string().c_str();
  files.frames = frames_from(in.at("frames"));
  require(!files.frames.empty(), "files of a root without frames");
  const std::string_view readers = in.at("readers").as_string();
  std::size_t index = 0;
  while (index < std::size(kReaderNames) && kReaderNames[index] != readers) ++index;
  require(index < std::size(kReaderNames), "files of a root with unknown readers");
  files.readers = static_cast<RootFiles::Readers>(index);
  const json::array& around = in.at("around").as_array();
  files.lo = whole<std::int32_t>(around.at(0));
  files.hi = whole<std::int32_t>(around.at(1));
  require(files.lo <= files.hi, "files of a root from behind their end");
  files.is_context = in.at("is_context").as_bool();
  return files;
}

WindowGrid grid_from(const json::value& value) {
  const json::object& in = value.as_object();
  WindowGrid grid;
  grid.origin = whole<Frame>(in.at("origin"));
  grid.window_frames = whole<std::int32_t>(in.at("window_frames"));
  grid.context_frames = whole<std::int32_t>(in.at("context_frames"));
  const json::array& ratio = in.at("time_ratio").as_array();
  grid.time_ratio = {whole<std::int32_t>(ratio.at(0)), whole<std::int32_t>(ratio.at(1))};
  grid.window_count = whole<std::uint32_t>(in.at("window_count"));
  require(grid.window_frames >= 1 && grid.context_frames >= 0 && grid.stride() >= 1, "a grid without a stride");
  require(grid.time_ratio.mul >= 1 && grid.time_ratio.add >= 0 && grid.time_ratio.add <= 1, "an unknown time ratio");
  return grid;
}

PhaseKind kind_from(std::string_view word) {
  const auto kind = phase_kind_from_name(word);
  require(kind.has_value(), "a phase of an unknown kind");
  return *kind;
}

PhasePlan phase_from(const json::value& value, std::size_t phase_count) {
  const json::object& in = value.as_object();
  PhasePlan phase;
  phase.kind = kind_from(in.at("kind").as_string());
  phase.layer = whole<LayerIndex>(in.at("layer"));
  phase.variant = whole<std::uint32_t>(in.at("variant"));
  phase.seed = whole<std::uint64_t>(in.at("seed"));
  phase.task_count = whole<std::uint32_t>(in.at("task_count"));
  for (const json::value& need : in.at("needs").as_array()) phase.needs.push_back(need_from(need, phase_count));
  if (const json::value* root_files = in.if_contains("root_files"))  // absent where there are none
    for (const json::value& files : root_files->as_array()) phase.root_files.push_back(root_files_from(files));
  phase.grid = grid_from(in.at("grid"));
  for (const json::value& run : in.at("windows").as_array()) phase.windows.push_back(range_from(run));
  phase.frames = frames_from(in.at("frames"));
  phase.frames_per_task = whole<std::uint32_t>(in.at("frames_per_task"));
  require(phase.frames_per_task >= 1, "a task without frames");
  phase.output_pattern = in.at("output_pattern").as_string().c_str();
  phase.root = in.at("root").as_string().c_str();
  return phase;
}

}  // namespace

base::Sha256 plan_digest(const JobPlan& plan) {
  return base::sha256(canonical_text(phases_json(plan)));
}

std::string plan_json(const JobPlan& plan) {
  return canonical_text(json::object{{"digest", plan.digest.hex()}, {"phases", phases_json(plan)}});
}

base::Result<JobPlan> plan_from_json(std::string_view text) {
  const auto bad = [](std::string_view what) {
    return base::Error{"plan.bad_json", fmt::format("read a stored plan: {}", what), "", ""};
  };
  try {
    boost::system::error_code failure;
    const json::value document = json::parse(text, failure);
    if (failure) return bad(failure.message());
    const json::array& phases = document.at("phases").as_array();
    require(phases.size() <= kPhasesMax, "too many phases");
    JobPlan plan;
    for (const json::value& phase : phases) plan.phases.push_back(phase_from(phase, phases.size()));
    const auto digest = base::Sha256::from_hex(std::string_view(document.at("digest").as_string()));
    if (!digest) return bad("its digest is not one");
    plan.digest = *digest;
    if (const base::Sha256 computed = plan_digest(plan); computed != plan.digest)
      return base::Error{
          "plan.digest_mismatch",
          fmt::format("read a stored plan: its digest is {}, its phases give {}", plan.digest.hex(), computed.hex()),
          "", "restore the store from a backup"};
    return plan;
  } catch (const BadPlan& fault) {
    return bad(fault.what);
  } catch (const std::exception& fault) {  // boost::json: a missing key, another type
    return bad(fault.what());
  }
}

}  // namespace framemill::jobs
