// One slot as the core sees it: the state of its executor, its back-off, and the leases that wait or run there in the
// order of their grants. Pure; owned by the Worker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/core/deaths.h"
#include "worker/core/values.h"

namespace framemill::worker {

enum class ExecutorState { Down, Starting, Ready, Finishing };

class Slot {
 public:
  static constexpr base::Duration kBackOffFirst = base::seconds(1);
  static constexpr base::Duration kBackOffMax = base::seconds(60);

  ExecutorState executor() const { return executor_; }
  // False until an executor has started here, and again while it cannot.
  bool usable() const { return ever_ready_ && start_failures_ == 0; }
  base::Instant start_due() const { return executor_ == ExecutorState::Down ? start_at_ : base::kNever; }
  const std::string& device_class() const { return device_class_; }
  const std::vector<base::Sha256>& loaded_models() const { return loaded_models_; }
  bool is_warm(const base::Sha256& model) const;

  void on_starting() { executor_ = ExecutorState::Starting; }
  void on_ready(std::string device_class);
  // Whether the list of warm models changed.
  bool on_alive(const std::vector<base::Sha256>& loaded_models);
  void on_finishing() { executor_ = ExecutorState::Finishing; }
  void on_task_finished() { deaths_in_a_row_ = 0; }
  // The executor told what its attempts have used up to now, or got its first one: from here on it is in the dark.
  void on_accounted(base::Instant now) { accounted_at_ = now; }
  base::Instant accounted_at() const { return accounted_at_; }
  // Sets when the next start is due: at once after a first death at work, later and later when it goes on dying.
  void on_died(const Death& death, base::Instant now);

  std::vector<AttemptId> leases;

 private:
  ExecutorState executor_ = ExecutorState::Down;
  bool ever_ready_ = false;
  int start_failures_ = 0;
  int deaths_in_a_row_ = 0;
  base::Instant start_at_{INT64_MIN};
  base::Instant accounted_at_;
  std::string device_class_;
  std::vector<base::Sha256> loaded_models_;
};

}  // namespace framemill::worker
