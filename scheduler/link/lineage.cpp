#include "scheduler/link/lineage.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::scheduler {
namespace {

std::string sentence(const std::string& what) {
  return fmt::format(
      "the scheduler has lost history: {}. If its store was replaced on purpose, accept the loss: stop the scheduler, "
      "framemill-scheduler new-era, start it",
      what);
}

}  // namespace

std::optional<std::string> Lineage::lost(const HeardLast& heard) const {
  if (starts_.empty() || heard.epoch.number == 0 || heard.epoch.nonce == 0 || heard.era < era_) return std::nullopt;
  const auto start =
      std::find_if(starts_.begin(), starts_.end(), [&](const Start& each) { return each.epoch == heard.epoch; });
  if (start == starts_.end())
    return sentence(
        fmt::format("this worker has heard of batch {} in start {} of a scheduler, which its store does not "
                    "know",
                    heard.durable_sequence, heard.epoch.number));
  const auto next = start + 1;
  if (next == starts_.end() || heard.durable_sequence <= next->durable_sequence) return std::nullopt;
  return sentence(fmt::format("this worker has heard of batch {} in start {}, which ends at batch {} in its store",
                              heard.durable_sequence, heard.epoch.number, next->durable_sequence));
}

}  // namespace framemill::scheduler
