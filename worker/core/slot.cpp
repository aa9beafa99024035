#include "worker/core/slot.h"

#include <algorithm>

namespace framemill::worker {

void Slot::on_ready(std::string device_class) {
  executor_ = ExecutorState::Ready;
  ever_ready_ = true;
  start_failures_ = 0;
  device_class_ = std::move(device_class);
}

bool Slot::on_alive(const std::vector<base::Sha256>& loaded_models) {
  if (loaded_models == loaded_models_) return false;
  loaded_models_ = loaded_models;
  return true;
}

bool Slot::is_warm(const base::Sha256& model) const {
  return std::find(loaded_models_.begin(), loaded_models_.end(), model) != loaded_models_.end();
}

void Slot::on_died(const Death& death, base::Instant now) {
  executor_ = ExecutorState::Down;
  loaded_models_.clear();
  ++deaths_in_a_row_;
  if (!death.started) ++start_failures_;
  // Doubling from the second death in a row on: one crash should not leave a device idle.
  const int doublings = std::min(deaths_in_a_row_ - 2, 6);
  base::Duration pause{0};
  if (!death.started && doublings < 0) pause = kBackOffFirst;
  if (doublings >= 0) pause = std::min(kBackOffFirst * (std::int64_t{1} << doublings), kBackOffMax);
  start_at_ = now + pause;
}

}  // namespace framemill::worker
