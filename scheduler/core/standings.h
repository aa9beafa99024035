// Whose fault a failure is, as far as other workers can tell: which worker may have which task of a layer, and what the
// ends of attempts say about the worker. A task that failed on one worker goes to another while there is one. A worker on
// which a layer only fails while it succeeds elsewhere, or that gives its work back again and again, gets no more of
// it but a probe now and then. A layer that everything able gives back is stuck. Three jobs that fail on a worker and go
// on elsewhere put it into quarantine, which a probe may end, too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/farm_state.h"

namespace framemill::scheduler {

struct Avoidance {
  enum class Why : std::uint8_t {
    None,
    BackOff,    // it gave the layer's work back; until `until`
    Unseen,     // an input of the task was not to be seen there; until `until`
    Aside,      // it gets no more of the layer; the next probe is at `until`
    OnTrial,    // an attempt there is to show first that it can do the layer's work
    Elsewhere,  // the task failed there, and others have not tried it as often
  };
  Why why = Why::None;
  base::Instant until{INT64_MIN};
  const HostStanding* standing = nullptr;  // of the layer there; none for Unseen and Elsewhere
  bool none() const { return why == Why::None; }
};

const HostStanding* standing_of(const JobEntry& job, std::uint32_t layer, WorkerId worker);
// Of any of the layer's tasks.
Avoidance layer_avoidance(const FarmState& farm, const JobEntry& job, std::uint32_t layer, WorkerId worker);
// Of one task. `judges`: those that could tell whose fault it is.
Avoidance task_avoidance(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task,
                         WorkerId worker, const std::vector<WorkerId>& judges);
// Workers with a slot that could take the class when empty, ascending; in `judges` without those that are set aside.
std::vector<WorkerId> able_workers(const FarmState& farm, const Demand& demand);
std::vector<WorkerId> judges_among(const FarmState& farm, const JobEntry& job, std::uint32_t layer,
                                   const std::vector<WorkerId>& able);
// The first task of the share, from `from` on, that the worker may have now. Common: any, 0 stands for it.
std::optional<TaskIndex> task_for(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, Share share,
                                  WorkerId worker, const std::vector<WorkerId>& judges, TaskIndex from);
// Ready tasks are there, and every worker that could take them is set aside.
bool all_aside(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase);
// Why and since when the layer is held, if it is.
std::optional<StuckLayer> stuck_layer(const FarmState& farm, const JobEntry& job, std::uint32_t layer);

// --- what attempts tell ------------------------------------------------------------------------------------------------
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
// Work of the job fails on the worker and goes on elsewhere.
void blame_worker(FarmState& farm, WorkerEntry& worker, JobId job);

// A new process of the worker: what was set aside may be probed at once.
void on_worker_restarted(FarmState& farm, WorkerEntry& worker);

// A person asked for another try: what the layer's workers did is forgotten. True if it was stuck.
bool forgive_layer(FarmState& farm, JobEntry& job, std::uint32_t layer);
void forget_standings(FarmState& farm, JobEntry& job);  // it is over

void begin_probes(FarmState& farm);  // after a restart: the pauses of quarantined workers start
void wake(FarmState& farm);          // at the end of a turn: pauses that are over

}  // namespace framemill::scheduler
