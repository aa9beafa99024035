// Whose fault a failure is, as far as other workers can tell: what the ends of attempts say about the worker, which
// avoidance.h reads when the worker asks for work. A task that failed on one worker goes to another while there is one.
// A worker on which a layer only fails while it succeeds elsewhere, or that gives its work back again and again, gets no
// more of it but a probe now and then. A layer that everything able gives back is stuck. Three jobs that fail on a
// worker and go on elsewhere put it into quarantine, which a probe may end, too.
#pragma once

#include <string>

#include "scheduler/core/policy/avoidance.h"

namespace framemill::scheduler {

void note_granted(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, AttemptId attempt);
void note_ended(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, AttemptId attempt);
void note_committed(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                    AttemptId attempt);
// The task failed there. False: it speaks against the worker, so it is not charged to the task.
bool note_failed(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                 base::Instant granted_at, const std::string& code, const std::string& message);
// The worker gave work of the layer back, uncharged. `granted_at`: of its lease, so that what was given at one time
// counts once. `waits`: not before a pause, from the first time on.
void note_returned(FarmState& farm, JobEntry& job, std::uint32_t layer, WorkerEntry& worker, base::Instant granted_at,
                   const std::string& code, const std::string& message, bool waits);
void note_unseen(FarmState& farm, JobEntry& job, PhaseEntry& phase, TaskIndex task, WorkerEntry& worker,
                 const std::string& code, const std::string& message);
// Files of the layer did not get their names, through no fault of theirs: how long to wait before the next try. After as
// many as a worker may give work back the layer is held.
base::Duration note_publish_failed(FarmState& farm, JobEntry& job, std::uint32_t layer, const std::string& code,
                                   const std::string& message);
void note_published(FarmState& farm, JobEntry& job, std::uint32_t layer);
// Work of the job went wrong through the worker: it succeeds elsewhere, or the host's hardware failed. `fault`: what
// happened, for people.
void blame_worker(FarmState& farm, WorkerEntry& worker, JobId job, const std::string& fault);

// A new process of the worker: what was set aside may be probed at once.
void on_worker_restarted(FarmState& farm, WorkerEntry& worker);

// A person asked for another try: what the layer's workers did is forgotten. True if it was stuck.
bool forgive_layer(FarmState& farm, JobEntry& job, std::uint32_t layer);
void forget_standings(FarmState& farm, JobEntry& job);  // it is over

void begin_probes(FarmState& farm);  // after a restart: the pauses of quarantined workers start
void wake(FarmState& farm);          // at the end of a turn: pauses that are over

}  // namespace framemill::scheduler
