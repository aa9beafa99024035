#include "worker/supervisor/command_line.h"

#include <fmt/format.h>

#include <set>

#include "jobs/frame_range.h"
#include "jobs/plan.h"
#include "wire/farm.pb.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kExpectedFilesMax = 4096;

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}
std::string extension(const std::string& path) {
  const std::string name = file_name(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? "" : name.substr(dot);
}

// The phase as the plan's formulas see it: maps tasks to frames and frames to names.
base::Result<jobs::PhasePlan> command_phase(const wire::Grant& grant, const jobs::TaskRange& tasks) {
  const wire::Recipe& recipe = grant.recipe();
  auto frames = jobs::FrameSet::parse(recipe.frames());
  if (!frames.ok()) return base::Error{"command.bad_frames", frames.error().message, "", ""};
  jobs::PhasePlan phase;
  phase.kind = jobs::PhaseKind::Command;
  phase.frames = std::move(*frames);
  phase.frames_per_task = recipe.frames_per_task();
  phase.output_pattern = recipe.output_printf();
  if (phase.frames_per_task == 0 || phase.frames.empty())
    return base::Error{"command.bad_frames", "the recipe names no frames", "", ""};
  const std::int64_t task_count = (phase.frames.count() + phase.frames_per_task - 1) / phase.frames_per_task;
  phase.task_count = static_cast<std::uint32_t>(task_count);
  if (tasks.empty() || tasks.end() > phase.task_count)
    return base::Error{"command.bad_frames", "the lease holds tasks beyond the recipe's frames", "", ""};
  return phase;
}

bool has_frame_token(const std::string& printf_pattern) {
  for (std::size_t at = 0; (at = printf_pattern.find('%', at)) != std::string::npos; at += 2)
    if (at + 1 < printf_pattern.size() && printf_pattern[at + 1] != '%') return true;
  return false;
}

struct Inputs {
  std::string pattern;  // what {input} becomes; empty: there is none
  std::vector<InputLink> links;
};

// Every input is linked into one directory under a uniform name, so that one printf pattern names them all wherever
// they come from. One input without siblings keeps its own name.
base::Result<Inputs> link_inputs(const wire::Grant& grant, const jobs::TaskRange& tasks, const std::string& staging) {
  Inputs inputs;
  std::set<std::int32_t> frames;
  std::string suffix;
  for (int i = 0; i < grant.inputs_size(); ++i) {
    const wire::InputFile& input = grant.inputs(i);
    if (!input.for_all_tasks() && !tasks.contains(input.task())) continue;
    if (inputs.links.empty()) suffix = extension(input.path());
    if (!frames.insert(input.frame()).second || extension(input.path()) != suffix)
      return base::Error{"command.input_ambiguous",
                         fmt::format("{{input}} cannot name both kinds of inputs at frame {}", input.frame()), "",
                         "give the layer one input, or one layer per input"};
    inputs.links.push_back({fmt::format("input.{:04}{}", input.frame(), suffix), i});
  }
  if (inputs.links.size() == 1) inputs.links[0].name = file_name(grant.inputs(inputs.links[0].input).path());
  const std::string directory = fmt::format("{}/{}/", staging, kInputDirectory);
  if (inputs.links.size() == 1) inputs.pattern = directory + inputs.links[0].name;
  if (inputs.links.size() > 1) inputs.pattern = fmt::format("{}input.%04d{}", directory, suffix);
  return inputs;
}

struct Tokens {
  std::map<std::string, std::string, std::less<>> values;

  base::Result<std::string> replace(std::string_view argument) const {
    std::string out;
    while (!argument.empty()) {
      const std::size_t open = argument.find('{');
      out += argument.substr(0, open);
      if (open == std::string_view::npos) break;
      const std::size_t close = argument.find('}', open);
      const std::string_view name =
          close == std::string_view::npos ? std::string_view{} : argument.substr(open + 1, close - open - 1);
      const auto value = values.find(name);
      if (value == values.end())
        return base::Error{"command.bad_token", fmt::format("\"{}\" holds no token that has a value here", argument),
                           "", "known: {frame} {chunk_first} {chunk_last} {input} {output}"};
      out += value->second;
      argument.remove_prefix(close + 1);
    }
    return out;
  }
};

}  // namespace

base::Result<CommandPlan> plan_command(const wire::Grant& grant, const jobs::TaskRange& tasks,
                                       const std::map<std::string, std::string>& commands, const std::string& staging) {
  const wire::CommandRecipe& recipe = grant.recipe().command();
  FM_ASSIGN(const jobs::PhasePlan phase, command_phase(grant, tasks));
  FM_ASSIGN(Inputs inputs, link_inputs(grant, tasks, staging));
  if (recipe.argv().empty()) return base::Error{"command.bad_token", "argv is empty", "", ""};
  const auto program = commands.find(recipe.argv(0));
  if (program == commands.end())
    return base::Error{"command.not_listed", fmt::format("\"{}\" is not listed under [commands] here", recipe.argv(0)),
                       "", "add it to worker.toml on the hosts that may run it"};

  CommandPlan plan;
  plan.links = std::move(inputs.links);
  jobs::Frame first = 0, last = 0;
  const bool per_frame = has_frame_token(phase.output_pattern);
  for (jobs::TaskIndex t = tasks.first; t < tasks.end(); ++t) {
    const jobs::FrameSet own = jobs::task_frames(phase, t);
    if (t == tasks.first) first = own.first();
    last = own.last();
    for (std::int64_t i = 0; i < (per_frame ? own.count() : 1); ++i) {
      if (plan.expected.size() >= kExpectedFilesMax)
        return base::Error{"command.chunk", "the chunk writes more than 4,096 files", "", "set a smaller chunk"};
      const std::string path = jobs::output_path(phase, own.nth(i));
      plan.expected.push_back(
          {t, own.nth(i), per_frame, fmt::format("{}/{}", kOutputDirectory, file_name(path)), path});
    }
  }
  if (!per_frame && tasks.count > 1)
    return base::Error{"command.chunk", "an output without {frame} can be made by one task alone", "", ""};

  Tokens tokens;
  if (tasks.count == 1 && first == last) tokens.values["frame"] = fmt::format("{}", first);
  tokens.values["chunk_first"] = fmt::format("{}", first);
  tokens.values["chunk_last"] = fmt::format("{}", last);
  tokens.values["output"] = fmt::format("{}/{}/{}", staging, kOutputDirectory, file_name(phase.output_pattern));
  if (!inputs.pattern.empty()) tokens.values["input"] = inputs.pattern;
  plan.argv.push_back(program->second);
  for (int i = 1; i < recipe.argv_size(); ++i) {
    FM_ASSIGN(std::string argument, tokens.replace(recipe.argv(i)));
    plan.argv.push_back(std::move(argument));
  }
  return plan;
}

base::Result<std::vector<ExpectedFile>> plan_media_files(const wire::Grant& grant, const jobs::TaskRange& tasks) {
  jobs::PhasePlan phase;
  phase.output_pattern = grant.recipe().output_printf();
  std::vector<ExpectedFile> expected;
  for (jobs::TaskIndex t = tasks.first; t < tasks.end(); ++t) {
    const std::string path = jobs::output_path(phase, 0);
    expected.push_back({t, 0, false, fmt::format("{}/{}", t, file_name(path)), path});
  }
  return expected;
}

}  // namespace framemill::worker
