// Layers that a program of the user's makes: one task per frame, or one for all of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/nearest.h"
#include "config/text_rules.h"
#include "jobs/command_tokens.h"
#include "jobs/kinds/command_run.h"
#include "jobs/kinds/input_checks.h"
#include "jobs/kinds/kinds.h"
#include "jobs/output_names.h"
#include "jobs/spec_json.h"

namespace framemill::jobs {
namespace {

constexpr std::array<std::string_view, 4> kCommandKeys{"argv", "needs_frames", "task", "size"};

// Braces that are no token are the program's own business; a word that is nearly a token is a slip.
void check_argument(const SpecTable& table, const std::string& argument, std::size_t index) {
  for (const ArgumentPart& part : parts_of(argument)) {
    if (!part.token.empty()) continue;
    const std::string_view text = part.text;
    for (std::size_t open = 0; (open = text.find('{', open)) != std::string_view::npos; ++open) {
      const std::size_t close = text.find_first_of("{}", open + 1);
      if (close == std::string_view::npos) break;
      const std::string_view word = text.substr(open + 1, close - open - 1);
      const bool is_word = text[close] == '}' && std::all_of(word.begin(), word.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || c == '_' || c == ':' || (c >= '0' && c <= '9');
                           });
      const std::string meant =
          is_word ? base::nearest(word.substr(0, word.find(':')), command_tokens()) : std::string();
      if (meant.empty()) continue;
      table.fail(fmt::format("argv[{}]", index), "unknown_token",
                 fmt::format("{{{}}} is not a token of a command", printable(word)),
                 fmt::format("{{{}}}", fmt::join(command_tokens(), "} {")), meant);
    }
  }
}

// The last part of a path, if that could be a program's name.
std::string program_meant(const std::string& path) {
  const std::string name = path.substr(path.find_last_of("/\\") + 1);  // npos + 1 is the whole
  return is_safe_word(name) ? name : std::string();
}

// "all", or "-1..+1": frames around those that a task writes.
void read_needs_frames(SpecTable& table, CommandSpec& work) {
  const auto written = table.text("needs_frames", TextRule::Line);
  if (!written) return;
  FrameReach reach;
  reach.all = *written == "all";
  const auto number = [](std::string_view text, std::int32_t& out) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && fault == std::errc() && end == text.data() + text.size();
  };
  const std::size_t dots = written->find("..");
  const std::string_view text = *written;
  const bool is_range =
      dots != std::string::npos && number(text.substr(0, dots), reach.lo) && number(text.substr(dots + 2), reach.hi);
  if (!reach.all && !is_range)
    return table.fail("needs_frames", "bad_frames",
                      fmt::format("\"{}\" does not say which frames of the input a task reads", printable(*written)),
                      "\"-1..+1\" for its own frame and its neighbours, or \"all\"");
  if (reach.lo > 0 || reach.hi < 0 || reach.lo < -kFrameReachMax || reach.hi > kFrameReachMax)
    return table.fail("needs_frames", "out_of_range",
                      fmt::format("\"{}\" is not a range around the frame itself", printable(*written)),
                      fmt::format("from -{0}..0 to 0..+{0}", kFrameReachMax));
  work.needs_frames = reach;
}

CommandSpec read_command(SpecTable& table) {
  constexpr std::size_t kArgumentsMax = 256;
  CommandSpec work;
  work.size = read_picture_size(table);
  table.require("argv", "a program and its arguments, as an array of strings");
  auto argv = table.texts("argv", TextRule::Argument, kArgumentsMax);
  read_needs_frames(table, work);
  if (const auto task = table.choice("task", {"frame", "all"})) work.one_task = *task == 1;
  if (!argv) return work;
  work.argv = std::move(*argv);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < work.argv.size(); ++i) {
    bytes += work.argv[i].size() + 1;
    if (i > 0) check_argument(table, work.argv[i], i);
  }
  if (bytes > config::kStringBytesMax)
    table.fail("argv", "too_large", fmt::format("the arguments are longer than {} bytes", config::kStringBytesMax));
  const Node* node = table.take("argv");
  if (node->items.empty())
    table.fail("argv", "missing_program", "the program is missing", "a program that the workers' configuration names");
  else if (!work.argv.empty() && node->items.size() == work.argv.size() && !is_safe_word(work.argv.front()))
    table.fail("argv[0]", "bad_program", fmt::format("\"{}\" is not a program's name", printable(work.argv.front())),
               "a name that the workers' configuration lists under [commands], never a path",
               program_meant(work.argv.front()));
  return work;
}

// How many tasks one run of a command takes, where its tokens or its task leave no choice.
void settle_command_chunk(SpecTable& table, LayerDraft& draft, const CommandSpec& command, bool is_given) {
  const bool per_frame = uses_token(command, "frame") && !command.one_task;
  if (per_frame && is_given && draft.layer.chunk != 1u)
    table.fail("chunk", "frame_needs_chunk_1", "{frame} stands for one frame, so the command takes one at a time",
               "chunk = 1, or {chunk_first} and {chunk_last} instead of {frame}");
  if (command.one_task && draft.layer.chunk.value_or(1) != 1u)
    table.fail("chunk", "conflicting_keys", "with task = \"all\" there is one task, and nothing to lease together",
               "no chunk");
  // A command that is given no range of frames could not know what a pattern stands for: it gets one file at a time.
  const bool knows_ranges = uses_token(command, "frames") || uses_token(command, "step") ||
                            uses_token(command, "chunk_first") || uses_token(command, "chunk_last");
  // Files of one name in a directory per frame cannot lie side by side while they are made.
  const std::string file = draft.layer.output.substr(draft.layer.output.rfind('/') + 1);
  const bool one_name = has_token(draft.layer.output, "frame") && !has_token(file, "frame");
  if (one_name && (command.one_task || draft.layer.chunk.value_or(1) != 1u))
    table.fail("output", "output_collision", "the files of one run of the program would have one name",
               "a file name with {frame:04}");
  if (per_frame || one_name || command.one_task || (!knows_ranges && !draft.layer.chunk)) draft.layer.chunk = 1;
}

void check_input_names(const LayerDraft& layer, Findings& errors) {
  const auto& inputs = layer.layer.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (!inputs[i].name.empty() && inputs[i].name == inputs[j].name)
        layer.reader(errors).fail(fmt::format("input[{}].name", i), "duplicate_input",
                                  fmt::format("the name \"{}\" is used by another input", inputs[i].name),
                                  "names that differ");
}

void check_input_tokens(const LayerDraft& layer, const CommandSpec& command, Findings& errors) {
  std::vector<std::string> names;
  for (const LayerInput& input : layer.layer.inputs) names.push_back(input.name);
  for (std::size_t i = 1; i < command.argv.size(); ++i)
    for (const ArgumentPart& part : parts_of(command.argv[i])) {
      if (part.token != "input" || input_of_token(part.input, names)) continue;
      const std::string message = part.input.empty()
                                      ? fmt::format("{{input}} is used and the layer has {} inputs", names.size())
                                      : fmt::format("{} is used and the layer has no such input", part.text);
      layer.reader(errors).fail(
          "argv", "input_token", message,
          names.size() < 2 ? "exactly one input" : "{input:0}, {input:1} or the name that an input gives itself",
          part.input.empty() ? "" : base::nearest(std::string(part.input), names));
      return;
    }
}

void check_one_task(const LayerDraft& layer, const CommandSpec& command, Findings& errors) {
  const LayerSpec& spec = layer.layer;
  const SpecTable table = layer.reader(errors);
  if (spec.makes_frames() && spec.frames.count() > kInputFramesPerTaskMax)
    table.fail("frames", "too_many_frames", fmt::format("one task would write {} files", spec.frames.count()),
               fmt::format("at most {}", kInputFramesPerTaskMax));
  if (uses_token(command, "frame") && spec.frames.count() > 1)
    table.fail("argv", "frame_needs_chunk_1", "{frame} stands for one frame, and the task has all of them",
               "{frames}, or {chunk_first} and {chunk_last}");
  const auto step = step_of(spec.frames);
  const bool by_ends = uses_token(command, "chunk_last") && !uses_token(command, "frames");
  if ((!step && (by_ends || uses_token(command, "step"))) || (step != 1 && by_ends && !uses_token(command, "step")))
    table.fail("frames", "uneven_frames",
               fmt::format("the task has all frames at once, and {{chunk_first}} to {{chunk_last}}{} is not {}",
                           uses_token(command, "step") ? " by {step}" : "", spec.frames.text().substr(0, 80)),
               "frames without gaps, or {frames} in the arguments");
}

// A task reads the frame that it writes, so the input has to have it.
void check_own_frames(const LayerDraft& layer, std::size_t index, const DraftLayers& layers, Findings& errors) {
  const LayerInput& input = layer.layer.inputs[index];
  std::optional<FrameSet> offered = input.frames;
  if (!input.layer.empty()) {
    const LayerDraft* from = layers.find(input.layer);
    if (from == nullptr || !from->kind_known || !from->layer.makes_frames()) return;
    if (from->frames_failed || from->layer.frames.empty()) return;
    if (!offered) offered = from->layer.frames;
  }
  if (!offered || offered->includes(layer.layer.frames)) return;
  layer.reader(errors).fail(fmt::format("input[{}]", index), "input_missing_frames",
                            fmt::format("a task reads the frame that it writes, and this input has not all of {}",
                                        layer.layer.frames.text().substr(0, 80)),
                            fmt::format("frames within {}, or needs_frames = \"all\"", offered->text().substr(0, 80)));
}

class Command final : public Kind {
 public:
  std::span<const std::string_view> keys() const override { return kCommandKeys; }
  Work read(SpecTable& table) const override { return read_command(table); }
  void settle_chunk(SpecTable& table, LayerDraft& draft, bool is_given) const override {
    settle_command_chunk(table, draft, std::get<CommandSpec>(draft.layer.work), is_given);
  }

  // Older versions had no needs_frames: each task of a command read every frame of an input layer, and its own of a root.
  void keep_old_meaning(Node& layer) const override {
    if (layer.find("needs_frames") != nullptr) return;
    const Node* inputs = layer.find("input");
    const bool reads_layer =
        inputs != nullptr && std::any_of(inputs->items.begin(), inputs->items.end(),
                                         [](auto& input) { return input.find("layer") != nullptr; });
    Node reach;
    reach.type = Node::Type::String;
    reach.text = reads_layer ? "all" : "+0..+0";
    layer.members.emplace_back("needs_frames", std::move(reach));
  }

  std::string default_output(const LayerSpec&) const override { return frames_output(jobs::name(FrameFormat::Exr)); }
  std::string_view ending(const LayerSpec&) const override { return ""; }

  void check(const LayerDraft& layer, const DraftLayers& layers, const JobDraft& job, Findings& errors) const override {
    check_work(layer, layers, job, errors);
    check_frames_read(layer, layers, errors);
  }

  TaskReach reach(const LayerSpec& layer) const override {
    const auto& work = std::get<CommandSpec>(layer.work);
    return {work.needs_frames, work.one_task};
  }

  void add_phases(PlanDraft& plan, LayerIndex index) const override {
    const LayerSpec& layer = plan.layer(index);
    PhasePlan phase = plan.phase_of(index, PhaseKind::Command, 0);
    phase.task_count = static_cast<std::uint32_t>(layer.frames.count());
    if (std::get<CommandSpec>(layer.work).one_task) {
      phase.frames_per_task = phase.task_count;
      phase.task_count = 1;
    }
    plan.add_phase(std::move(phase));
  }

  void write(boost::json::object& out, const LayerSpec& layer) const override {
    const auto& work = std::get<CommandSpec>(layer.work);
    out["argv"] = texts_json(work.argv);
    out["needs_frames"] = work.needs_frames.text();  // always: where it is absent an older version wrote the spec
    if (work.one_task) out["task"] = "all";
    if (work.size) out["size"] = work.size->text();
  }

 private:
  static void check_work(const LayerDraft& layer, const DraftLayers& layers, const JobDraft& job, Findings& errors) {
    const LayerSpec& spec = layer.layer;
    const auto& command = std::get<CommandSpec>(spec.work);
    check_input_names(layer, errors);
    check_input_tokens(layer, command, errors);
    const SpecTable table = layer.reader(errors);
    const PictureSource source = picture_source(spec, [&layers](const std::string& wanted) {
      const LayerDraft* found = layers.find(wanted);
      return found == nullptr ? nullptr : &found->layer;
    });
    for (const std::string_view token : {"seed", "prompt"})
      if (source.layer == nullptr && uses_token(command, token))
        table.fail("argv", "unknown_token",
                   fmt::format("{{{}}} is used, and the layer's inputs lead to no generate layer", token),
                   "an input of a generate layer");
    if (layer.frames_failed || spec.frames.empty()) return;
    if (command.one_task) check_one_task(layer, command, errors);
    if (!command.needs_frames.all && !job.is_stored)
      for (std::size_t i = 0; i < spec.inputs.size(); ++i) check_own_frames(layer, i, layers, errors);
  }
};

}  // namespace

const Kind& command_kind() {
  static const Command kind;
  return kind;
}

}  // namespace framemill::jobs
