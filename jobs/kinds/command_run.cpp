#include "jobs/kinds/command_run.h"

#include <algorithm>

#include "jobs/command_tokens.h"

namespace framemill::jobs {

bool uses_token(const CommandSpec& command, std::string_view token) {
  for (std::size_t i = 1; i < command.argv.size(); ++i)
    for (const ArgumentPart& part : parts_of(command.argv[i]))
      if (part.token == token) return true;
  return false;
}

CommandRun command_run(const LayerSpec& layer, const CommandSpec& command) {
  CommandRun run;
  run.paths = command.one_task ? layer.frames.count() == 1 : layer.chunk == 1u;
  const bool ends = uses_token(command, "chunk_first") || uses_token(command, "chunk_last");
  const bool step = uses_token(command, "step");
  if (uses_token(command, "frames") && !step) return run;  // the list says it all
  if (step)
    run.spacing = CommandRun::Spacing::Even;
  else if (ends)
    run.spacing = CommandRun::Spacing::Neighbours;
  return run;
}

std::uint32_t tasks_in_one_run(const PhasePlan& phase, CommandRun::Spacing spacing, TaskIndex first,
                               std::uint32_t count) {
  if (spacing == CommandRun::Spacing::Any || count <= 1 || phase.frames.empty() || phase.frames_per_task != 1)
    return count;
  const std::int64_t last = std::min(std::int64_t{first} + count, phase.frames.count()) - 1;
  if (last <= std::int64_t{first}) return 1;
  // Spans are canonical: the first one is a run of neighbours, or frames at an equal distance, or a lone frame.
  const FrameSet frames = phase.frames.within(phase.frames.nth(first), phase.frames.nth(last));
  const FrameSpan& span = frames.spans().front();
  if (spacing == CommandRun::Spacing::Neighbours && span.step != 1) return 1;
  const bool two_lone = spacing == CommandRun::Spacing::Even && span.count() == 1;
  return two_lone ? 2 : static_cast<std::uint32_t>(span.count());
}

std::uint32_t tasks_in_one_run(const LayerSpec& layer, const PhasePlan& phase, TaskIndex first, std::uint32_t count) {
  const auto* command = std::get_if<CommandSpec>(&layer.work);
  if (command == nullptr) return count;
  return tasks_in_one_run(phase, command_run(layer, *command).spacing, first, count);
}

}  // namespace framemill::jobs
