// Reading one [[layer]] of a spec: its keys by kind, and what is wrong with each alone.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "jobs/nearest.h"
#include "jobs/output_names.h"
#include "jobs/spec_draft.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {
namespace {

constexpr std::int32_t kHandlesMax = 10'000;

// Keys that some kinds have and others do not, with the words to tell it.
const std::vector<std::pair<std::string_view, std::string_view>>& kind_keys() {
  static const std::vector<std::pair<std::string_view, std::string_view>> keys{{"frames", "generate and command"},
                                                                               {"shot_range", "generate and command"},
                                                                               {"handles", "generate and command"},
                                                                               {"chunk", "generate and command"},
                                                                               {"model", "generate"},
                                                                               {"prompt", "generate"},
                                                                               {"negative_prompt", "generate"},
                                                                               {"seed", "generate"},
                                                                               {"steps", "generate"},
                                                                               {"guidance", "generate"},
                                                                               {"plan", "generate"},
                                                                               {"variants", "generate"},
                                                                               {"format", "generate"},
                                                                               {"argv", "command"},
                                                                               {"fps", "encode"},
                                                                               {"codec", "encode"},
                                                                               {"scale", "encode"},
                                                                               {"burn_in", "encode"},
                                                                               {"every", "sheet"},
                                                                               {"tile", "sheet"}};
  return keys;
}

void read_model(TableReader& table, GenerateSpec& work) {
  table.require("model", "a package such as demo-clips@1");
  const auto model = table.text("model", TextRule::Line);
  if (!model) return;
  const std::size_t at = model->find('@');
  const bool good =
      at != std::string::npos && is_safe_word(model->substr(0, at)) && is_safe_word(model->substr(at + 1));
  if (good)
    work.model = *model;
  else
    table.fail("model", "bad_model", fmt::format("\"{}\" does not name a model package", printable(*model)),
               "name@version, as in demo-clips@1");
}

// `variants = N` takes seed, seed+1 ..; a list names the seeds.
void read_variants(TableReader& table, GenerateSpec& work) {
  const SpecNode* variants = table.take("variants");
  if (variants != nullptr && variants->type == SpecNode::Type::Array) {
    if (variants->items.empty() || variants->items.size() > kVariantsMax)
      return table.fail("variants", "out_of_range", fmt::format("{} variants", variants->items.size()),
                        fmt::format("1 to {} seeds", kVariantsMax));
    if (table.has("seed"))
      return table.fail("variants", "conflicting_keys", "a list of variants names its seeds, and \"seed\" is given too",
                        "one of the two");
    std::set<std::uint64_t> seen;
    for (const SpecNode& item : variants->items) {
      if (item.type != SpecNode::Type::Integer)
        return table.fail("variants", "wrong_type", fmt::format("a seed is {}", jobs::name(item.type)),
                          "seeds are integers from 0");
      if (item.integer < 0)
        return table.fail("variants", "out_of_range", fmt::format("{} is not a seed", item.integer),
                          "seeds are integers from 0");
      if (!seen.insert(static_cast<std::uint64_t>(item.integer)).second)
        return table.fail("variants", "duplicate_seed", fmt::format("seed {} is given twice", item.integer),
                          "each variant has its own seed");
      work.variant_seeds.push_back(static_cast<std::uint64_t>(item.integer));
    }
    work.seed = work.variant_seeds.front();
    return;
  }
  const auto count = table.integer("variants", 1, kVariantsMax).value_or(1);
  if (work.seed > static_cast<std::uint64_t>(INT64_MAX) - static_cast<std::uint64_t>(count - 1))
    return table.fail("seed", "out_of_range", "the last variant's seed is beyond 2^63-1", "a smaller seed");
  for (std::int64_t i = 0; i < count; ++i) work.variant_seeds.push_back(work.seed + static_cast<std::uint64_t>(i));
}

GenerateSpec read_generate(TableReader& table) {
  GenerateSpec work;
  read_model(table, work);
  work.prompt = table.text("prompt", TextRule::Prose).value_or("");
  work.negative_prompt = table.text("negative_prompt", TextRule::Prose).value_or("");
  work.seed = static_cast<std::uint64_t>(table.integer("seed", 0, INT64_MAX).value_or(1));
  if (const auto steps = table.integer("steps", 1, 10'000)) work.steps = static_cast<std::uint32_t>(*steps);
  work.guidance = table.number("guidance", 0, 1'000);
  work.plan = table.choice_of("plan", {PlanStrategy::Independent, PlanStrategy::Chain}).value_or(work.plan);
  work.format = table.choice_of("format", {FrameFormat::Exr, FrameFormat::Png}).value_or(work.format);
  read_variants(table, work);
  return work;
}

// Tokens of one argument; everything else in braces is the program's own business.
void check_argument(const TableReader& table, const std::string& argument, std::size_t index) {
  static const std::vector<std::string> kTokens{"frame", "chunk_first", "chunk_last", "input", "output"};
  const std::string key = fmt::format("argv[{}]", index);
  for (std::size_t open = 0; (open = argument.find('{', open)) != std::string::npos; ++open) {
    const std::size_t close = argument.find('}', open);
    if (close == std::string::npos) return;
    const std::string word = argument.substr(open + 1, close - open - 1);
    const bool is_word = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_' || c == ':' || (c >= '0' && c <= '9');
    });
    if (!is_word || std::find(kTokens.begin(), kTokens.end(), word) != kTokens.end()) continue;
    table.fail(key, "unknown_token", fmt::format("{{{}}} is not a token of a command", printable(word)),
               "{frame} {chunk_first} {chunk_last} {input} {output}", nearest(word.substr(0, word.find(':')), kTokens));
  }
}

CommandSpec read_command(TableReader& table) {
  constexpr std::size_t kArgumentsMax = 256;
  CommandSpec work;
  table.require("argv", "a program and its arguments, as an array of strings");
  auto argv = table.texts("argv", TextRule::Prose, kArgumentsMax);
  if (!argv) return work;
  work.argv = std::move(*argv);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < work.argv.size(); ++i) {
    bytes += work.argv[i].size() + 1;
    if (i > 0) check_argument(table, work.argv[i], i);
  }
  if (bytes > kSpecStringBytesMax)
    table.fail("argv", "too_large", fmt::format("the arguments are longer than {} bytes", kSpecStringBytesMax));
  const SpecNode* node = table.take("argv");
  if (node->items.empty())
    table.fail("argv", "missing_program", "there is no program", "a program that the workers' configuration names");
  else if (!work.argv.empty() && node->items.size() == work.argv.size() && !is_safe_word(work.argv.front()))
    table.fail("argv[0]", "bad_program", fmt::format("\"{}\" is not a program's name", printable(work.argv.front())),
               "a name that the workers' configuration lists under [commands], never a path");
  return work;
}

EncodeSpec read_encode(TableReader& table) {
  static const std::vector<std::string_view> kBurnIn{"show", "sequence", "shot", "layer", "version", "frame"};
  EncodeSpec work;
  work.fps = table.number("fps", 1, 240).value_or(work.fps);
  table.choice("codec", {"h264"});  // the only one so far
  work.scale = static_cast<std::int32_t>(table.integer("scale", 1, 16).value_or(work.scale));
  if (auto words = table.texts("burn_in", TextRule::Line, kBurnIn.size())) {
    for (std::size_t i = 0; i < words->size(); ++i) {
      const std::string& word = (*words)[i];
      if (std::find(kBurnIn.begin(), kBurnIn.end(), word) == kBurnIn.end())
        table.fail(fmt::format("burn_in[{}]", i), "unknown_value",
                   fmt::format("\"{}\" cannot be burnt in", printable(word)),
                   "show, sequence, shot, layer, version, frame", nearest(word, {kBurnIn.begin(), kBurnIn.end()}));
    }
    work.burn_in = std::move(*words);
  }
  return work;
}

SheetSpec read_sheet(TableReader& table) {
  SheetSpec work;
  work.every = static_cast<std::int32_t>(table.integer("every", 1, 100'000).value_or(work.every));
  work.tile = static_cast<std::int32_t>(table.integer("tile", 64, 1'024).value_or(work.tile));
  return work;
}

Needs read_needs(const SpecNode& node, const std::string& path, SpecErrors& errors) {
  TableReader table(node, path, errors);
  Needs needs;
  needs.device = table.choice_of("device", {DeviceWish::Any, DeviceWish::Cpu, DeviceWish::Cuda}).value_or(needs.device);
  needs.device_memory_bytes = table.size("device_memory");
  needs.host_memory_bytes = table.size("host_memory");
  if (const auto cpus = table.integer("cpus", 1, 4'096)) needs.cpus = static_cast<std::uint32_t>(*cpus);
  table.finish();
  return needs;
}

// Files of a root: `pattern` may hold {frame}, and then `frames` says which.
void read_root_files(TableReader& table, LayerInput& input) {
  input.root = table.text("root", TextRule::Word).value_or("");
  table.require("pattern", "a path inside the root, as in plates/hb_0010.{frame:04}.exr");
  const auto pattern = table.text("pattern", TextRule::Line);
  if (!pattern) return;
  for (const std::string_view token : {"show", "sequence", "shot", "layer", "variant", "version"})
    if (has_token(*pattern, token))
      return table.fail("pattern", "unknown_token", fmt::format("{{{}}} has no meaning in an input", token), "{frame}");
  const auto resolved = resolve_output(*pattern, {});
  if (!resolved.ok())
    return table.fail("pattern", resolved.error().code.substr(5), resolved.error().message, resolved.error().hint);
  if (has_token(*pattern, "frame") && !table.has("frames"))
    return table.require("frames", "which frames the pattern stands for");
  input.pattern = *pattern;
}

LayerInput read_input(const SpecNode& node, const std::string& path, SpecErrors& errors) {
  TableReader table(node, path, errors);
  LayerInput input;
  if (table.has("layer") == table.has("root")) {
    table.fail("", "bad_input", "an input comes from a layer or from a root",
               "{layer, variant, frames} or {root, pattern, frames}");
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
  table.finish();
  return input;
}

void read_inputs(TableReader& table, LayerDraft& draft, SpecErrors& errors) {
  constexpr std::size_t kInputsMax = 256;
  const SpecNode* inputs = table.array("input", kInputsMax);
  if (inputs == nullptr) return;
  for (std::size_t i = 0; i < inputs->items.size(); ++i) {
    const SpecNode& item = inputs->items[i];
    const std::string key = fmt::format("input[{}]", i);
    if (item.type == SpecNode::Type::Table)
      draft.layer.inputs.push_back(read_input(item, table.field(key), errors));
    else
      table.fail(key, "wrong_type", fmt::format("this is {}", jobs::name(item.type)),
                 "a table such as {layer = \"boards\"}");
  }
}

void read_ranges(TableReader& table, LayerDraft& draft) {
  draft.has_frames_key = table.has("frames");
  auto frames = table.frames("frames");
  draft.own_range = table.frame_span("shot_range");
  draft.frames_failed = (draft.has_frames_key && !frames) || (table.has("shot_range") && !draft.own_range);
  if (frames) draft.layer.frames = std::move(*frames);
  draft.own_handles = read_handles(table);
}

// "auto" or a count of tasks; a command that speaks of one {frame} takes one task at a time.
void read_chunk(TableReader& table, LayerDraft& draft) {
  const SpecNode* chunk = table.take("chunk");
  const bool is_auto = chunk != nullptr && chunk->type == SpecNode::Type::String && chunk->text == "auto";
  if (chunk != nullptr && chunk->type == SpecNode::Type::String && !is_auto)
    return table.fail("chunk", "unknown_value", fmt::format("\"{}\" is not a chunk", printable(chunk->text)),
                      "\"auto\" or a count of tasks");
  if (!is_auto)
    if (const auto count = table.integer("chunk", 1, 1'000'000)) draft.layer.chunk = static_cast<std::uint32_t>(*count);
  const auto* command = std::get_if<CommandSpec>(&draft.layer.work);
  if (command == nullptr) return;
  const bool per_frame = std::any_of(command->argv.begin(), command->argv.end(), [](const std::string& argument) {
    return argument.find("{frame}") != std::string::npos;
  });
  if (per_frame && chunk != nullptr && draft.layer.chunk != 1u)
    table.fail("chunk", "frame_needs_chunk_1", "{frame} stands for one frame, so the command takes one at a time",
               "chunk = 1, or {chunk_first} and {chunk_last} instead of {frame}");
  if (per_frame) draft.layer.chunk = 1;
}

void read_common(TableReader& table, LayerDraft& draft, const JobSpec& job, SpecErrors& errors) {
  LayerSpec& layer = draft.layer;
  table.require("name", "a word that names the layer");
  layer.name = table.text("name", TextRule::Word).value_or("");
  layer.shot = table.text("shot", TextRule::Word).value_or(job.shot);
  layer.after = table.texts("after", TextRule::Word, kLayersMax).value_or(std::vector<std::string>{});
  read_inputs(table, draft, errors);
  layer.retries = static_cast<std::uint32_t>(table.integer("retries", 0, 1'000).value_or(layer.retries));
  if (const auto timeout = table.text("timeout", TextRule::Line)) {
    layer.timeout = parse_duration(*timeout);
    if (!layer.timeout)
      table.fail("timeout", "bad_duration", fmt::format("\"{}\" is not a duration", printable(*timeout)),
                 "a whole number and s, m or h, up to 30 days: 90s, 5m, 2h");
  }
  if (const SpecNode* needs = table.table("needs")) layer.needs = read_needs(*needs, table.field("needs"), errors);
  layer.root = table.text("root", TextRule::Word).value_or("main");
  const auto output = table.text("output", TextRule::Line);
  draft.output_failed = table.has("output") && !output;
  layer.output = output.value_or("");
  layer.reproducibility =
      table.choice_of("reproducibility", {Reproducibility::Exact, Reproducibility::Stable, Reproducibility::Fast})
          .value_or(layer.reproducibility);
}

}  // namespace

std::optional<std::int32_t> read_handles(TableReader& table) {
  const SpecNode* handles = table.take("handles");
  if (handles == nullptr) return std::nullopt;
  const auto bad = [&](std::string message) {
    table.fail("handles", "bad_handles", std::move(message),
               fmt::format("\"+8\": frames at both ends, 0 to {}", kHandlesMax));
    return std::nullopt;
  };
  std::int64_t count = 0;
  if (handles->type == SpecNode::Type::Integer) {
    count = handles->integer;
  } else if (handles->type == SpecNode::Type::String) {
    const std::string& text = handles->text;
    const bool digits = text.size() >= 2 && text.size() <= 7 && text.front() == '+' &&
                        std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return bad(fmt::format("\"{}\" does not say how many frames", printable(text)));
    count = std::stoll(text.substr(1));
  } else {
    return bad(fmt::format("this is {}", jobs::name(handles->type)));
  }
  if (count < 0 || count > kHandlesMax) return bad(fmt::format("{} frames", count));
  return static_cast<std::int32_t>(count);
}

std::string default_output(LayerKind kind, FrameFormat format) {
  const std::string directory = "{show}/{sequence}/{shot}/{layer}/v{version:03}/{shot}_{layer}";
  if (kind == LayerKind::Encode) return directory + "_v{version:03}.mp4";
  if (kind == LayerKind::Sheet) return directory + "_v{version:03}.png";
  return fmt::format("{}_t{{variant:02}}_v{{version:03}}.{{frame:04}}.{}", directory, jobs::name(format));
}

LayerDraft read_layer(const SpecNode& node, std::size_t index, const JobSpec& job, SpecErrors& errors) {
  LayerDraft draft;
  draft.node = &node;
  draft.path = fmt::format("layer[{}]", index);
  TableReader table = draft.reader(errors);
  table.require("kind", "generate, command, encode or sheet");
  const auto kind =
      table.choice_of("kind", {LayerKind::Generate, LayerKind::Command, LayerKind::Encode, LayerKind::Sheet});
  read_common(table, draft, job, errors);
  if (!kind) return draft;  // which other keys are legal depends on it
  draft.kind_known = true;
  draft.layer.kind = *kind;
  FrameFormat format = FrameFormat::Exr;
  switch (*kind) {
    case LayerKind::Generate: {
      GenerateSpec work = read_generate(table);
      format = work.format;
      draft.layer.work = std::move(work);
      break;
    }
    case LayerKind::Command:
      draft.layer.work = read_command(table);
      break;
    case LayerKind::Encode:
      draft.layer.work = read_encode(table);
      break;
    case LayerKind::Sheet:
      draft.layer.work = read_sheet(table);
      break;
  }
  if (draft.takes_frames()) {
    read_ranges(table, draft);
    read_chunk(table, draft);
  }
  if (!table.has("output")) draft.layer.output = default_output(*kind, format);
  table.finish(kind_keys());
  return draft;
}

}  // namespace framemill::jobs
