// Checks that need more than one layer: shot ranges, references, cycles, what inputs offer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "jobs/command_tokens.h"
#include "jobs/file_kind.h"
#include "jobs/nearest.h"
#include "jobs/spec_draft.h"

namespace framemill::jobs {
namespace {

std::string range_text(FrameSpan span) {
  return fmt::format("{}-{}", span.first, span.last);
}

// The frames with handles at those ends of the range that they reach.
FrameSet widened(const FrameSet& frames, FrameSpan range, std::int32_t handles) {
  if (handles == 0 || frames.empty()) return frames;
  std::vector<FrameSpan> spans = frames.spans();
  if (frames.first() == range.first) spans.insert(spans.begin(), {range.first - handles, range.first - 1, 1});
  if (frames.last() == range.last) spans.push_back({range.last + 1, range.last + handles, 1});
  return FrameSet::of(spans);
}

class Ranges {
 public:
  Ranges(JobDraft& draft, SpecErrors& errors) : draft_(draft), errors_(errors) {}

  void settle() {
    JobSpec& job = draft_.job;
    const FrameSpan range = draft_.own_range.value_or(span_of_layers());
    for (LayerDraft& layer : draft_.layers)
      if (layer.takes_frames() && !layer.frames_failed) settle(layer, range);
    job.shot_range = {range.first - job.handles, range.last + job.handles, 1};
  }

 private:
  // The span of all frames of the layers that go by the job's range.
  FrameSpan span_of_layers() const {
    std::optional<FrameSpan> span;
    for (const LayerDraft& layer : draft_.layers) {
      if (layer.own_range || layer.layer.frames.empty()) continue;
      const Frame first = layer.layer.frames.first(), last = layer.layer.frames.last();
      span = span ? FrameSpan{std::min(span->first, first), std::max(span->last, last), 1} : FrameSpan{first, last, 1};
    }
    return span.value_or(FrameSpan{});
  }

  void settle(LayerDraft& draft, FrameSpan job_range) {
    LayerSpec& layer = draft.layer;
    const TableReader table = draft.reader(errors_);
    const FrameSpan range = draft.own_range.value_or(job_range);
    if (!draft.has_frames_key) {
      if (!draft.own_range && !draft_.own_range) {
        if (!draft_.frames_failed)
          table.fail("frames", "missing_key", "\"frames\" is missing, and no shot_range says which",
                     "frames such as \"1001-1096\"");
        return;
      }
      layer.frames = FrameSet(range.first, range.last);
    }
    if (layer.frames.first() < range.first || layer.frames.last() > range.last)
      return table.fail(
          "frames", "frames_outside_range",
          fmt::format("the frames {} do not lie in the {} shot range {}", layer.frames.text().substr(0, 80),
                      draft.own_range ? "layer's" : "job's", range_text(range)),
          draft.own_range ? "" : "a shot_range of the layer's own");
    layer.handles = draft.own_handles.value_or(draft.own_range ? 0 : draft_.job.handles);
    layer.shot_range = {range.first - layer.handles, range.last + layer.handles, 1};
    if (layer.shot_range.count() > kFramesMax + 2 * std::int64_t{layer.handles})
      return table.fail("frames", "too_many_frames",
                        fmt::format("the shot range {} is longer than {} frames", range_text(range), kFramesMax));
    if (layer.shot_range.first < -kFrameMax || layer.shot_range.last > kFrameMax)
      return table.fail("handles", "out_of_range",
                        fmt::format("the handles leave the legal frames -{}..{}", kFrameMax, kFrameMax));
    layer.frames = widened(layer.frames, range, layer.handles);
    if (layer.frames.spans().size() > kFrameSpansMax)
      table.fail("frames", "too_fragmented", fmt::format("more than {} separate ranges", kFrameSpansMax));
  }

  JobDraft& draft_;
  SpecErrors& errors_;
};

class Links {
 public:
  Links(const JobDraft& draft, SpecErrors& errors) : draft_(draft), errors_(errors) {
    for (const LayerDraft& layer : draft_.layers) {
      names_.push_back(layer.layer.name);
      by_name_.emplace(layer.layer.name, &layer);
    }
  }

  void check() {
    for (const LayerDraft& layer : draft_.layers) {
      if (errors_.full()) return;
      const TableReader table = layer.reader(errors_);
      if (!layer.layer.name.empty() && by_name_.at(layer.layer.name) != &layer)
        table.fail("name", "duplicate_layer", fmt::format("there is another layer \"{}\"", layer.layer.name));
      if (!draft_.has_shot_key && !table.has("shot"))
        table.fail("shot", "missing_key", "neither the job nor the layer has a shot", "shot = \"hb_0010\"");
      for (std::size_t i = 0; i < layer.layer.after.size(); ++i)
        source(layer, fmt::format("after[{}]", i), layer.layer.after[i]);
      for (std::size_t i = 0; i < layer.layer.inputs.size(); ++i) check_input(layer, i);
      if (layer.kind_known) check_inputs_of_kind(layer);
    }
    find_cycles();
  }

 private:
  // The layer of that name; faults when there is none.
  const LayerDraft* source(const LayerDraft& layer, const std::string& key, const std::string& wanted) {
    const auto found = by_name_.find(wanted);
    if (found != by_name_.end()) return found->second;
    if (errors_.full()) return nullptr;
    layer.reader(errors_).fail(key, "unknown_layer", fmt::format("there is no layer \"{}\"", wanted),
                               listed(names_, 10), nearest(wanted, names_));
    return nullptr;
  }

  static std::uint32_t variants_of(const LayerDraft& layer) {
    const auto* work = std::get_if<GenerateSpec>(&layer.layer.work);
    return work == nullptr ? 1 : static_cast<std::uint32_t>(work->variant_seeds.size());
  }

  void check_input(const LayerDraft& layer, std::size_t index) {
    const LayerInput& input = layer.layer.inputs[index];
    if (input.layer.empty() || errors_.full()) return;
    const TableReader table = layer.reader(errors_);
    const std::string key = fmt::format("input[{}]", index);
    const LayerDraft* from = source(layer, key + ".layer", input.layer);
    if (from == nullptr || !from->kind_known) return;
    if (input.variant.value_or(0) >= std::max(variants_of(*from), 1u))
      table.fail(key + ".variant", "unknown_variant",
                 fmt::format("layer \"{}\" has no variant {}", input.layer, *input.variant),
                 fmt::format("0 to {}: the index, not the seed", std::max(variants_of(*from), 1u) - 1));
    const bool has_frames = from->layer.makes_frames();
    if (!has_frames && (layer.kind_known && layer.layer.kind != LayerKind::Command))
      table.fail(key + ".layer", "input_has_no_frames",
                 fmt::format("layer \"{}\" makes one file and no frames", input.layer));
    if (!has_frames && input.frames)
      table.fail(key + ".frames", "input_has_no_frames",
                 fmt::format("layer \"{}\" makes one file and no frames", input.layer));
    if (has_frames && input.frames && !from->layer.frames.empty() && !from->layer.frames.includes(*input.frames))
      table.fail(key + ".frames", "input_missing_frames",
                 fmt::format("layer \"{}\" does not write all of these frames", input.layer),
                 fmt::format("frames within {}", from->layer.frames.text().substr(0, 80)));
  }

  // The farm itself reads EXR and PNG. A file without a familiar ending may be one of them.
  void check_input_format(const LayerDraft& layer, std::size_t index) {
    const LayerInput& input = layer.layer.inputs[index];
    const auto from = input.layer.empty() ? by_name_.end() : by_name_.find(input.layer);
    if (from != by_name_.end() && !from->second->layer.makes_frames()) return;
    const std::string& name = from == by_name_.end() ? input.pattern : from->second->layer.output;
    const FileKind kind = file_kind(name);
    if (kind != FileKind::Picture && kind != FileKind::Movie) return;
    layer.reader(errors_).fail(fmt::format("input[{}]", index), "input_format",
                               fmt::format("{} is neither EXR nor PNG", name.substr(name.rfind('/') + 1)),
                               "frames in .exr or .png; a command can convert them");
  }

  void check_inputs_of_kind(const LayerDraft& layer) {
    const TableReader table = layer.reader(errors_);
    const LayerSpec& spec = layer.layer;
    if (spec.kind != LayerKind::Command && !draft_.is_stored)
      for (std::size_t i = 0; i < spec.inputs.size(); ++i) check_input_format(layer, i);
    if (spec.kind == LayerKind::Generate) {
      if (spec.inputs.size() > 1)
        table.fail("input", "too_many_inputs", "a generate layer starts from one input", "one element");
      if (!spec.inputs.empty() && std::get<GenerateSpec>(spec.work).plan != PlanStrategy::Chain)
        table.fail("input", "input_needs_chain", "only the first window of a chain starts from an input",
                   "plan = \"chain\"");
      if (!spec.inputs.empty() && !spec.inputs[0].pattern.empty() && !spec.inputs[0].frames)
        table.fail("input[0].frames", "missing_key", "say which frames the first window starts from");
      return;
    }
    if (spec.kind == LayerKind::Command) {
      check_command(layer);
    } else {
      if (!table.has("input"))
        table.fail("input", "missing_key", "\"input\" is missing", "input = [{layer = \"boards\"}]");
      const SpecNode* written = table.value("input");
      if (written != nullptr && written->type == SpecNode::Type::Array && spec.inputs.empty())
        table.fail("input", "missing_key", "there is no input", "at least one element");
      for (std::size_t i = 0; i < spec.inputs.size(); ++i)
        if (!spec.inputs[i].pattern.empty() && !spec.inputs[i].frames)
          table.fail(fmt::format("input[{}].frames", i), "missing_key", "say which frames of the root are read");
    }
    if (const std::int64_t count = frames_read(spec); count > kInputFramesPerTaskMax)
      table.fail("input", "too_many_inputs", fmt::format("{} frames are read at once", count),
                 fmt::format("at most {}; split it into several layers", kInputFramesPerTaskMax));
  }

  void check_command(const LayerDraft& layer) {
    const LayerSpec& spec = layer.layer;
    const auto& command = std::get<CommandSpec>(spec.work);
    check_input_names(layer);
    check_input_tokens(layer, command);
    const TableReader table = layer.reader(errors_);
    const PictureSource source = picture_source(spec, [this](const std::string& wanted) {
      const auto found = by_name_.find(wanted);
      return found == by_name_.end() ? nullptr : &found->second->layer;
    });
    for (const std::string_view token : {"seed", "prompt"})
      if (source.layer == nullptr && uses_token(command, token))
        table.fail("argv", "unknown_token",
                   fmt::format("{{{}}} is used, and the layer's inputs lead to no generate layer", token),
                   "an input of a generate layer");
    if (layer.frames_failed || spec.frames.empty()) return;
    if (command.one_task) check_one_task(layer, command);
    if (!command.needs_frames.all && !draft_.is_stored)
      for (std::size_t i = 0; i < spec.inputs.size(); ++i) check_own_frames(layer, i);
  }

  void check_input_names(const LayerDraft& layer) {
    const auto& inputs = layer.layer.inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (!inputs[i].name.empty() && inputs[i].name == inputs[j].name)
          layer.reader(errors_).fail(fmt::format("input[{}].name", i), "duplicate_input",
                                     fmt::format("there is another input \"{}\"", inputs[i].name), "names that differ");
  }

  void check_input_tokens(const LayerDraft& layer, const CommandSpec& command) {
    std::vector<std::string> names;
    for (const LayerInput& input : layer.layer.inputs) names.push_back(input.name);
    for (std::size_t i = 1; i < command.argv.size(); ++i)
      for (const ArgumentPart& part : parts_of(command.argv[i])) {
        if (part.token != "input" || input_of_token(part.input, names)) continue;
        const std::string message = part.input.empty()
                                        ? fmt::format("{{input}} is used and the layer has {} inputs", names.size())
                                        : fmt::format("{} is used and the layer has no such input", part.text);
        layer.reader(errors_).fail(
            "argv", "input_token", message,
            names.size() < 2 ? "exactly one input" : "{input:0}, {input:1} or the name that an input gives itself",
            part.input.empty() ? "" : nearest(std::string(part.input), names));
        return;
      }
  }

  void check_one_task(const LayerDraft& layer, const CommandSpec& command) {
    const LayerSpec& spec = layer.layer;
    const TableReader table = layer.reader(errors_);
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
  void check_own_frames(const LayerDraft& layer, std::size_t index) {
    const LayerInput& input = layer.layer.inputs[index];
    std::optional<FrameSet> offered = input.frames;
    if (!input.layer.empty()) {
      const auto from = by_name_.find(input.layer);
      if (from == by_name_.end() || !from->second->kind_known || !from->second->layer.makes_frames()) return;
      if (from->second->frames_failed || from->second->layer.frames.empty()) return;
      if (!offered) offered = from->second->layer.frames;
    }
    if (!offered || offered->includes(layer.layer.frames)) return;
    layer.reader(errors_).fail(
        fmt::format("input[{}]", index), "input_missing_frames",
        fmt::format("a task reads the frame that it writes, and this input has not all of {}",
                    layer.layer.frames.text().substr(0, 80)),
        fmt::format("frames within {}, or needs_frames = \"all\"", offered->text().substr(0, 80)));
  }

  std::int64_t frames_read(const LayerSpec& spec) const {
    std::int64_t count = 0;
    for (const LayerInput& input : spec.inputs) {
      std::int64_t frames = input.frames ? input.frames->count() : 1;
      const auto* command = std::get_if<CommandSpec>(&spec.work);
      std::uint32_t variants = 1;
      if (const auto from = by_name_.find(input.layer); !input.layer.empty() && from != by_name_.end()) {
        if (!input.frames) frames = std::max<std::int64_t>(from->second->layer.frames.count(), 1);
        if (!input.variant && spec.kind == LayerKind::Sheet) variants = variants_of(*from->second);
      }
      if (command != nullptr && !command->needs_frames.all) {
        const std::int64_t written = command->one_task ? spec.frames.count() : 1;
        frames = std::min(frames, written * (std::int64_t{command->needs_frames.hi} - command->needs_frames.lo + 1));
      }
      count += frames * variants;
    }
    return count;
  }

  // Depth-first, each layer once; a layer met again while its own search is open closes a cycle.
  void find_cycles() {
    for (const LayerDraft& layer : draft_.layers) visit(layer);
  }
  void visit(const LayerDraft& layer) {
    auto& mark = marks_[&layer];
    if (mark == Mark::Done) return;
    if (mark == Mark::Open) return tell_cycle(layer);
    mark = Mark::Open;
    open_.push_back(&layer);
    const auto follow = [&](const std::string& wanted) {
      const auto found = by_name_.find(wanted);
      if (found != by_name_.end()) visit(*found->second);
    };
    for (const std::string& after : layer.layer.after) follow(after);
    for (const LayerInput& input : layer.layer.inputs)
      if (!input.layer.empty()) follow(input.layer);
    open_.pop_back();
    marks_[&layer] = Mark::Done;
  }
  void tell_cycle(const LayerDraft& layer) {
    const auto start = std::find(open_.begin(), open_.end(), &layer);
    std::string way;
    for (auto at = start; at != open_.end(); ++at) way += (*at)->layer.name + " -> ";
    layer.reader(errors_).fail("", "cycle",
                               fmt::format("these layers wait for each other: {}{}", way, layer.layer.name),
                               "no cycle in after and input");
  }

  enum class Mark { None, Open, Done };
  const JobDraft& draft_;
  SpecErrors& errors_;
  std::vector<std::string> names_;
  std::map<std::string, const LayerDraft*> by_name_;
  std::map<const LayerDraft*, Mark> marks_;
  std::vector<const LayerDraft*> open_;
};

}  // namespace

void settle_ranges(JobDraft& draft, SpecErrors& errors) {
  Ranges(draft, errors).settle();
}

void settle_prompts(JobDraft& draft, SpecErrors& errors) {
  const auto starts_from = [&](const LayerDraft& layer) -> const LayerDraft* {
    for (const LayerDraft& other : draft.layers)
      if (!layer.layer.inputs.empty() && other.layer.name == layer.layer.inputs.front().layer) return &other;
    return nullptr;
  };
  for (LayerDraft& layer : draft.layers) {
    auto* work = std::get_if<GenerateSpec>(&layer.layer.work);
    if (!layer.kind_known || work == nullptr || layer.node->find("prompt") != nullptr) continue;
    const LayerDraft* source = starts_from(layer);
    for (std::size_t i = 0; i < kLayersMax && source != nullptr && source->node->find("prompt") == nullptr; ++i)
      source = starts_from(*source);
    const auto* other = source == nullptr ? nullptr : std::get_if<GenerateSpec>(&source->layer.work);
    if (other == nullptr || source->node->find("prompt") == nullptr) {
      layer.reader(errors).fail("prompt", "missing_key", "\"prompt\" is missing",
                                "what the pictures show; or an input of a layer that has a prompt");
      continue;
    }
    work->prompt = other->prompt;
    if (layer.node->find("negative_prompt") == nullptr) work->negative_prompt = other->negative_prompt;
  }
}

void check_links(const JobDraft& draft, SpecErrors& errors) {
  Links(draft, errors).check();
}

}  // namespace framemill::jobs
