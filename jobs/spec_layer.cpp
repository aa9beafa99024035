// Reading one [[layer]] of a spec: the keys that layers share, and what is wrong with each alone.
#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/units.h"
#include "jobs/kind.h"
#include "jobs/other_names.h"
#include "jobs/output_names.h"
#include "jobs/spec_draft.h"

namespace framemill::jobs {
namespace {

constexpr std::int32_t kHandlesMax = 10'000;
constexpr std::size_t kLimitsMax = 16;

// "generate, command, encode or sheet": the kinds for which `holds`.
template <class Holds>
std::string listed_kinds(std::string_view last, Holds holds) {
  std::vector<std::string_view> names;
  for (const LayerKind kind : layer_kinds())
    if (holds(kind)) names.push_back(jobs::name(kind));
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == names.size() ? last : ", ", names[i]);
  return text;
}

// Keys that some kinds have and others do not, with the kinds that have them.
const std::vector<std::pair<std::string_view, std::string_view>>& kind_keys() {
  static const std::string with_frames =
      listed_kinds(" and ", [](LayerKind kind) { return traits(kind).takes_frames; });
  static const std::vector<std::pair<std::string_view, std::string_view>> keys = [] {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    for (const std::string_view key : {"frames", "shot_range", "handles", "chunk"}) all.emplace_back(key, with_frames);
    for (const LayerKind kind : layer_kinds())
      for (const std::string_view key : kind_of(kind).keys()) all.emplace_back(key, jobs::name(kind));
    return all;
  }();
  return keys;
}

Needs read_needs(const Node& node, const std::string& path, Findings& errors) {
  SpecTable table(node, path, errors);
  Needs needs;
  needs.device = table.choice_of("device", {DevicePreference::Any, DevicePreference::Cpu, DevicePreference::Cuda})
                     .value_or(needs.device);
  needs.device_memory_bytes = table.size("device_memory");
  needs.host_memory_bytes = table.size("host_memory");
  if (const auto cpus = table.integer("cpus", 1, 4'096)) needs.cpus = static_cast<std::uint32_t>(*cpus);
  table.finish();
  return needs;
}

// Files of a root: `pattern` may hold {frame}, and then `frames` says which.
void read_root_files(SpecTable& table, LayerInput& input) {
  input.root = table.text("root", TextRule::Word).value_or("");
  table.require("pattern", "a path inside the root, as in plates/hb_0010.{frame:04}.exr");
  const auto pattern = table.text("pattern", TextRule::Line);
  if (!pattern) return;
  for (const std::string_view token : {"show", "sequence", "shot", "layer", "variant", "version"})
    if (has_token(*pattern, token))
      return table.fail("pattern", "unknown_token", fmt::format("{{{}}} is not a token of an input", token), "{frame}");
  const auto resolved = resolve_input(*pattern);
  if (!resolved.ok())
    return table.fail("pattern", resolved.error().code.substr(5), resolved.error().message, resolved.error().hint);
  if (has_token(*pattern, "frame") && !table.has("frames"))
    return table.require("frames", "which frames the pattern stands for");
  input.pattern = *pattern;
}

// `reader`: the kind of the layer that reads it.
LayerInput read_input(const Node& node, const std::string& path, std::optional<LayerKind> reader, Findings& errors) {
  SpecTable table(node, path, errors);
  LayerInput input;
  if (table.has("layer") == table.has("root")) {
    table.fail("", "bad_input", "an input comes from a layer or from a root",
               "{layer, variant, frames} or {root, pattern, frames}");
    for (const std::string_view key : {"layer", "root", "variant", "pattern", "frames"}) table.allow(key);
    table.finish();
    return input;
  }
  if (table.has("layer")) {
    input.layer = table.text("layer", TextRule::Word).value_or("");
    if (const auto variant = table.integer("variant", 0, kVariantsMax - 1))
      input.variant = static_cast<std::uint32_t>(*variant);
  } else {
    read_root_files(table, input);
  }
  input.frames = table.frames("frames");
  input.name = table.text("name", TextRule::Word).value_or("");
  if (!input.name.empty() &&
      std::all_of(input.name.begin(), input.name.end(), [](char c) { return c >= '0' && c <= '9'; }))
    table.fail("name", "bad_name", fmt::format("\"{}\" would be taken for an input's number", input.name),
               "a name with a letter");
  if (const auto role = table.text("role", TextRule::Line)) {
    const std::string_view own = reader && traits(*reader).uses_model ? "context" : "frames";
    if (reader && *role != own)
      table.fail(
          "role", "unknown_value",
          fmt::format("\"{}\" is not what an input of a {} layer is read for", printable(*role), jobs::name(*reader)),
          std::string(own));
  }
  table.finish();
  return input;
}

void read_inputs(SpecTable& table, LayerDraft& draft, std::optional<LayerKind> kind, Findings& errors) {
  constexpr std::size_t kInputsMax = 256;
  const Node* inputs = table.array("input", kInputsMax);
  if (inputs == nullptr) return;
  for (std::size_t i = 0; i < inputs->items.size(); ++i) {
    const Node& item = inputs->items[i];
    const std::string key = fmt::format("input[{}]", i);
    if (item.type == Node::Type::Table)
      draft.layer.inputs.push_back(read_input(item, table.field(key), kind, errors));
    else
      table.fail(key, "wrong_type", fmt::format("this is {}", config::name(item.type)),
                 "a table such as {layer = \"boards\"}");
  }
}

void read_ranges(SpecTable& table, LayerDraft& draft) {
  draft.has_frames_key = table.has("frames");
  auto frames = table.frames("frames");
  draft.own_range = table.frame_span("shot_range");
  draft.frames_failed = (draft.has_frames_key && !frames) || (table.has("shot_range") && !draft.own_range);
  if (frames) draft.layer.frames = std::move(*frames);
  draft.own_handles = read_handles(table);
}

// "auto" or a count of tasks.
void read_chunk(SpecTable& table, LayerDraft& draft) {
  const Node* chunk = table.take("chunk");
  const bool is_auto = chunk != nullptr && chunk->type == Node::Type::String && chunk->text == "auto";
  if (chunk != nullptr && chunk->type == Node::Type::String && !is_auto)
    return table.fail("chunk", "unknown_value", fmt::format("\"{}\" is not a chunk", printable(chunk->text)),
                      "\"auto\" or a count of tasks");
  if (!is_auto)
    if (const auto count = table.integer("chunk", 1, 1'000'000)) draft.layer.chunk = static_cast<std::uint32_t>(*count);
  kind_of(draft.layer.kind).settle_chunk(table, draft, chunk != nullptr);
}

constexpr base::Duration kDurationMax = base::seconds(30 * 24 * 3600);

void read_common(SpecTable& table, LayerDraft& draft, const JobSpec& job, std::optional<LayerKind> kind,
                 Findings& errors) {
  LayerSpec& layer = draft.layer;
  table.require("name", "a word that names the layer");
  layer.name = table.text("name", TextRule::Word).value_or("");
  layer.shot = table.text("shot", TextRule::Word).value_or(job.shot);
  layer.after = table.texts("after", TextRule::Word, kLayersMax).value_or(std::vector<std::string>{});
  read_inputs(table, draft, kind, errors);
  layer.retries = static_cast<std::uint32_t>(table.integer("retries", 0, 1'000).value_or(layer.retries));
  const auto duration = [&table](const char* key) -> std::optional<base::Duration> {
    const auto text = table.text(key, TextRule::Line);
    if (!text) return std::nullopt;
    const auto value = base::parse_duration(*text);
    const bool fits = value && value->ms % 1000 == 0 && *value >= base::seconds(1) && *value <= kDurationMax;
    if (!fits)
      table.fail(key, "bad_duration", fmt::format("\"{}\" is not a duration", printable(*text)),
                 "a whole number and s, m or h, up to 30 days: 90s, 5m, 2h", base::duration_meant(*text));
    return fits ? value : std::nullopt;
  };
  layer.timeout = duration("timeout");
  layer.missing_after = duration("missing_after");
  if (const Node* needs = table.table("needs")) layer.needs = read_needs(*needs, table.field("needs"), errors);
  layer.limits = table.texts("limits", TextRule::Word, kLimitsMax).value_or(std::vector<std::string>{});
  std::sort(layer.limits.begin(), layer.limits.end());
  layer.limits.erase(std::unique(layer.limits.begin(), layer.limits.end()), layer.limits.end());
  layer.root = table.text("root", TextRule::Word).value_or("main");
  const auto output = table.text("output", TextRule::Line);
  draft.output_failed = table.has("output") && !output;
  layer.output = output.value_or("");
  layer.reproducibility =
      table.choice_of("reproducibility", {Reproducibility::Exact, Reproducibility::Stable, Reproducibility::Fast})
          .value_or(layer.reproducibility);
  layer.check = table.choice_of("check", {OutputCheck::Auto, OutputCheck::None}).value_or(layer.check);
}

}  // namespace

std::optional<std::int32_t> read_handles(SpecTable& table) {
  const Node* handles = table.take("handles");
  if (handles == nullptr) return std::nullopt;
  const auto bad = [&](std::string message) {
    table.fail("handles", "bad_handles", std::move(message),
               fmt::format("\"+8\": frames at both ends, 0 to {}", kHandlesMax));
    return std::nullopt;
  };
  std::int64_t count = 0;
  if (handles->type == Node::Type::Integer) {
    count = handles->integer;
  } else if (handles->type == Node::Type::String) {
    const std::string& text = handles->text;
    const bool digits = text.size() >= 2 && text.size() <= 7 && text.front() == '+' &&
                        std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return bad(fmt::format("\"{}\" does not say how many frames", printable(text)));
    count = std::stoll(text.substr(1));
  } else {
    return bad(fmt::format("this is {}", config::name(handles->type)));
  }
  if (count < 0 || count > kHandlesMax) return bad(fmt::format("{} frames", count));
  return static_cast<std::int32_t>(count);
}

std::optional<FrameRate> read_rate(SpecTable& table, std::string_view key) {
  const Node* node = table.take(key);
  if (node == nullptr) return std::nullopt;
  const bool is_number = node->type == Node::Type::Integer || node->type == Node::Type::Float;
  if (!is_number && node->type != Node::Type::String && !node->raw) {
    table.fail(key, "wrong_type", fmt::format("this is {}", config::name(node->type)), "24, 23.98 or \"24000/1001\"");
    return std::nullopt;
  }
  auto rate = node->type == Node::Type::Integer ? FrameRate::from_number(static_cast<double>(node->integer))
              : node->type == Node::Type::Float
                  ? FrameRate::from_number(node->real)
                  : FrameRate::parse(node->type == Node::Type::String ? printable(node->text) : *node->raw);
  if (rate.ok()) return *rate;
  table.fail(key, rate.error().code.substr(5), rate.error().message, rate.error().hint);
  return std::nullopt;
}

namespace {

// What a layer without a legal kind was meant to be, by its spelling, by a key that one kind alone has, or by the word
// of another program: so that the rest of it can be checked.
std::optional<LayerKind> meant_kind(const SpecTable& table) {
  std::vector<std::string> words;
  for (const LayerKind kind : layer_kinds()) words.emplace_back(jobs::name(kind));
  const Node* value = table.value("kind");
  const std::string written = value != nullptr && value->type == Node::Type::String ? value->text : std::string();
  if (const auto kind = layer_kind_from_name(base::nearest(written, words))) return kind;
  for (const auto& [key, kinds] : kind_keys())
    if (const auto kind = layer_kind_from_name(kinds); kind && table.has(key)) return kind;
  return layer_kind_from_name(suggested_word(written, words));  // what another program calls it
}

std::optional<LayerKind> read_kind(SpecTable& table) {
  table.require("kind", listed_kinds(" or ", [](LayerKind) { return true; }));
  std::vector<std::string_view> words;
  for (const LayerKind kind : layer_kinds()) words.push_back(jobs::name(kind));
  const auto index = table.choice("kind", words);
  return index ? layer_kind_from_name(words[*index]) : std::nullopt;
}

}  // namespace

LayerDraft read_layer(const Node& node, std::size_t index, const JobSpec& job, Findings& errors) {
  LayerDraft draft;
  draft.node = &node;
  draft.path = fmt::format("layer[{}]", index);
  SpecTable table = draft.reader(errors);
  const auto kind = read_kind(table);
  const auto read_as = kind ? kind : meant_kind(table);
  read_common(table, draft, job, read_as, errors);
  if (!read_as) {
    // Which other keys are legal depends on the kind: those of any kind are let pass, the common ones are checked.
    for (const auto& [key, kinds] : kind_keys()) table.allow(key);
    read_ranges(table, draft);
    table.finish();
    return draft;
  }
  draft.kind_known = true;
  draft.layer.kind = *read_as;
  draft.layer.work = kind_of(*read_as).read(table);
  if (draft.takes_frames()) {
    read_ranges(table, draft);
    read_chunk(table, draft);
  }
  if (!table.has("output")) draft.layer.output = kind_of(*read_as).default_output(draft.layer);
  table.finish(kind_keys());
  return draft;
}

}  // namespace framemill::jobs
