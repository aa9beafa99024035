#include "scheduler/core/acts/odd_frames.h"

#include "scheduler/core/acts/task_moves.h"

namespace framemill::scheduler {

void note_odd_frames(FarmState& farm, PhaseEntry& phase, const std::vector<std::pair<jobs::Frame, std::string>>& odd) {
  for (const auto& [frame, message] : odd) {
    const TaskRange tasks = jobs::tasks_of_frames(*phase.plan, frame, frame);
    if (tasks.empty() || phase.tasks.at(tasks.first) != TaskState::Published) continue;
    const auto known = phase.troubles.find(tasks.first);
    if (known != phase.troubles.end() && phase.is_odd(tasks.first, known->second.record)) continue;
    TaskTroubleRecord& trouble = failure_history_of(farm, phase, tasks.first).record;
    trouble.last_outcome = jobs::Outcome::BadOutput;
    trouble.last_code = text_of(jobs::AttemptError::PublishedDiffers);
    trouble.last_message = message;
    trouble.last_frame = frame;
    farm.turn.say(LayerEvent{LayerEvent::What::PublishedFrameDiffers, phase.id.job, phase.plan->layer, message, {}});
  }
}

}  // namespace framemill::scheduler
