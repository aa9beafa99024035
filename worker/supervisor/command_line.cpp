#include "worker/supervisor/command_line.h"

#include <fmt/format.h>

#include <map>

#include "jobs/attempt_error.h"
#include "jobs/command_tokens.h"
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

// A directory as it stands in a printf pattern.
std::string escaped(const std::string& directory) {
  std::string out;
  for (const char c : directory) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

// One of the layer's inputs: its files among the grant's, each once, and what {input} becomes.
struct CommandInputFiles {
  std::string name;
  bool has_frames = true;
  std::map<std::int32_t, int> files;  // frame -> index into the grant's inputs
  std::string value;                  // empty: it has no file here
};

base::Result<std::vector<CommandInputFiles>> gather_inputs(const wire::Grant& grant, const jobs::TaskRange& tasks) {
  const wire::CommandRecipe& recipe = grant.recipe().command();
  std::vector<CommandInputFiles> inputs;
  for (const wire::CommandInput& input : recipe.inputs()) inputs.push_back({input.name(), input.has_frames(), {}, {}});
  for (int i = 0; i < grant.inputs_size(); ++i) {
    const wire::InputFile& file = grant.inputs(i);
    if (!file.for_all_tasks() && !tasks.contains(file.task())) continue;
    if (inputs.empty()) inputs.emplace_back();  // an older scheduler does not list them
    if (file.input() >= inputs.size())
      return base::Error{"command.bad_frames", fmt::format("a file of input {} of {}", file.input(), inputs.size()), "",
                         ""};
    auto& files = inputs[file.input()].files;
    const auto [known, added] = files.emplace(file.frame(), i);
    const wire::InputFile& first = grant.inputs(files.begin()->second);
    const bool same =
        grant.inputs(known->second).path() == file.path() && grant.inputs(known->second).root() == file.root();
    if ((!added && !same) || extension(first.path()) != extension(file.path()))
      return base::Error{"command.input_ambiguous",
                         fmt::format("{{input}} cannot name both kinds of inputs at frame {}", file.frame()), "",
                         "give the layer one input for each"};
  }
  return inputs;
}

// Every input is linked into one directory under a uniform name, so that one printf pattern names its files wherever they
// come from. One file keeps its own name.
std::vector<InputLink> link_inputs(const wire::Grant& grant, const std::string& staging,
                                   std::vector<CommandInputFiles>& inputs) {
  const wire::CommandRecipe& recipe = grant.recipe().command();
  const std::string directory = fmt::format("{}/{}/", staging, kInputDirectory);
  std::vector<InputLink> links;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CommandInputFiles& input = inputs[i];
    if (input.files.empty()) continue;
    const std::string number = inputs.size() == 1 ? "" : std::to_string(i);
    const bool listed = !recipe.inputs().empty();
    const bool own_file = !input.has_frames || (recipe.paths() && recipe.reads_own_frame()) || !listed;
    const std::string& first = grant.inputs(input.files.begin()->second).path();
    if (own_file && input.files.size() == 1) {
      const std::string name = number.empty() ? file_name(first) : fmt::format("{}.{}", number, file_name(first));
      links.push_back({name, input.files.begin()->second});
      input.value = directory + name;
      continue;
    }
    for (const auto& [frame, file] : input.files)
      links.push_back({fmt::format("input{}.{:04}{}", number, frame, extension(first)), file});
    input.value = fmt::format("{}input{}.%04d{}", escaped(directory), number, escaped(extension(first)));
  }
  return links;
}

class Tokens {
 public:
  void set(std::string name, std::string text) { texts_[std::move(name)] = std::move(text); }
  void set(std::string name, std::int64_t number) { numbers_[std::move(name)] = number; }
  void set_inputs(const std::vector<CommandInputFiles>& inputs) {
    for (const CommandInputFiles& input : inputs) {
      input_names_.push_back(input.name);
      input_values_.push_back(input.value);
    }
  }

  base::Result<std::string> replace(std::string_view argument) const {
    std::string out;
    for (const jobs::ArgumentPart& part : jobs::parts_of(argument)) {
      if (part.token.empty()) {
        out += part.text;
      } else if (part.token == "input") {
        const auto index = jobs::input_of_token(part.input, input_names_);
        if (!index || input_values_[*index].empty()) return no_value(part.text);
        out += input_values_[*index];
      } else if (const auto number = numbers_.find(part.token); number != numbers_.end()) {
        out += fmt::format("{:0{}}", number->second, part.width);
      } else if (const auto text = texts_.find(part.token); text != texts_.end()) {
        out += text->second;
      } else {
        return no_value(part.text);
      }
    }
    return out;
  }

 private:
  static base::Error no_value(std::string_view token) {
    return {"command.bad_token", fmt::format("{} has no value for this task", token), "", ""};
  }

  std::map<std::string, std::string, std::less<>> texts_;
  std::map<std::string, std::int64_t, std::less<>> numbers_;
  std::vector<std::string> input_names_, input_values_;
};

void set_job_tokens(const wire::Grant& grant, Tokens& tokens) {
  const wire::Recipe& recipe = grant.recipe();
  tokens.set("show", recipe.show());
  tokens.set("sequence", recipe.sequence());
  tokens.set("shot", recipe.shot());
  tokens.set("layer", recipe.layer());
  tokens.set("version", std::int64_t{recipe.version()});
  tokens.set("variant", std::int64_t{recipe.command().variant()});
  tokens.set("seed", fmt::format("{}", recipe.command().seed()));
  tokens.set("prompt", recipe.command().prompt());
  tokens.set("job", fmt::format("{}", grant.remake_of() != 0 ? grant.remake_of() : grant.tasks().job()));
}

void set_frame_tokens(const jobs::FrameSet& frames, Tokens& tokens) {
  if (frames.count() == 1) tokens.set("frame", frames.first());
  tokens.set("frames", frames.text());
  tokens.set("chunk_first", frames.first());
  tokens.set("chunk_last", frames.last());
  if (const auto step = jobs::step_of(frames)) tokens.set("step", *step);
}

// The program's arguments with every token replaced, within what the system takes.
base::Status fill_arguments(const wire::CommandRecipe& recipe, const Tokens& tokens, std::vector<std::string>& argv) {
  constexpr std::size_t kArgumentBytesMax = 120 << 10, kArgumentsBytesMax = 1 << 20;  // Linux: 128 KiB each
  std::size_t bytes = 0;
  for (int i = 1; i < recipe.argv_size(); ++i) {
    FM_ASSIGN(std::string argument, tokens.replace(recipe.argv(i)));
    bytes += argument.size() + 1;
    if (argument.size() > kArgumentBytesMax || bytes > kArgumentsBytesMax)
      return base::error_of(jobs::AttemptError::CommandTooLong,
                            fmt::format("argument {} is too long once its tokens are replaced", i), "",
                            "fewer tokens such as {prompt}, or a smaller chunk");
    argv.push_back(std::move(argument));
  }
  return {};
}

}  // namespace

base::Result<CommandPlan> plan_command(const wire::Grant& grant, const jobs::TaskRange& tasks,
                                       const std::map<std::string, std::string>& commands, const std::string& staging) {
  const wire::CommandRecipe& recipe = grant.recipe().command();
  FM_ASSIGN(const jobs::PhasePlan phase, command_phase(grant, tasks));
  FM_ASSIGN(std::vector<CommandInputFiles> inputs, gather_inputs(grant, tasks));
  if (recipe.argv().empty()) return base::Error{"command.bad_token", "argv is empty", "", ""};
  const auto program = commands.find(recipe.argv(0));
  if (program == commands.end())
    return base::Error{"command.not_listed", fmt::format("\"{}\" is not listed under [commands] here", recipe.argv(0)),
                       "", "add it to worker.toml on the hosts that may run it"};

  CommandPlan plan;
  plan.links = link_inputs(grant, staging, inputs);
  const bool per_frame = has_frame_token(phase.output_pattern);
  if (!per_frame && tasks.count > 1)
    return base::Error{"command.chunk", "an output without {frame} can be made by one task alone", "", ""};
  for (jobs::TaskIndex t = tasks.first; t < tasks.end(); ++t) {
    const jobs::FrameSet own = jobs::task_frames(phase, t);
    for (std::int64_t i = 0; i < (per_frame ? own.count() : 1); ++i) {
      if (plan.expected.size() >= kExpectedFilesMax)
        return base::Error{"command.chunk", "the chunk writes more than 4,096 files", "", "set a smaller chunk"};
      const std::string path = jobs::output_path(phase, own.nth(i));
      plan.expected.push_back(
          {t, own.nth(i), per_frame, fmt::format("{}/{}", kOutputDirectory, file_name(path)), path});
    }
  }

  Tokens tokens;
  set_job_tokens(grant, tokens);
  set_frame_tokens(phase.frames.within(jobs::task_frames(phase, tasks.first).first(),
                                       jobs::task_frames(phase, tasks.end() - 1).last()),
                   tokens);
  tokens.set_inputs(inputs);
  const bool output_is_path = !per_frame || (recipe.paths() && plan.expected.size() == 1);
  tokens.set("output", output_is_path ? fmt::format("{}/{}", staging, plan.expected.front().staged)
                                      : fmt::format("{}/{}/{}", escaped(staging), kOutputDirectory,
                                                    file_name(phase.output_pattern)));
  plan.argv.push_back(program->second);
  FM_TRY(fill_arguments(recipe, tokens, plan.argv));
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
