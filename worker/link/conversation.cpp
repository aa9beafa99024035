#include "worker/link/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace framemill::worker {

std::string Conversation::write(const Report& report, const wire::Inventory* inventory,
                                const std::vector<wire::FilesLookedFor>& looked_for) const {
  return write_report(report, inventory, looked_for, context_);
}

// Said in the log once, however often it is the case.
void Conversation::refuse(std::string problem) {
  if (problem_ != problem) base::log_error("link", "{}", problem);
  problem_ = std::move(problem);
}

bool Conversation::follows(const Reply& reply) {
  if (reply.incarnation != 0 && reply.incarnation != context_.incarnation) return false;  // for an earlier run of us
  if (!reply.refused.empty() && reply.refused != last_refusal_)
    base::log_error("link", "the scheduler rejected this worker: {}", reply.refused);
  last_refusal_ = reply.refused;
  accepted_ = reply.refused.empty();
  if (reply.incarnation == 0 && !reply.refused.empty()) return false;  // not a state of the farm, only the reason
  if (reply.durable_sequence >= context_.durable_sequence || reply.epoch == context_.epoch) return true;
  if (reply.era > context_.era) return true;  // an operator has accepted the loss
  refuse(
      fmt::format("the scheduler has lost history: it knows {} commits, this worker has heard of {}; if its data was "
                  "replaced on purpose, restart this worker",
                  reply.durable_sequence, context_.durable_sequence));
  return false;
}

std::optional<Reply> Conversation::take(std::string_view bytes) {
  auto reply = parse_reply(bytes);
  if (!reply.ok()) {
    refuse(fmt::format("{}: {}", reply.error().code, reply.error().message));
    return std::nullopt;
  }
  for (const base::Error& bad : reply->bad_items) {
    std::string text = fmt::format("{}: {}", bad.field, bad.message);
    if (text != last_bad_item_) base::log_error("link", "a part of the scheduler's reply is left out: {}", text);
    last_bad_item_ = std::move(text);
  }
  if (!follows(*reply)) return std::nullopt;
  problem_.clear();
  if (reply->era > context_.era) {
    context_.era = reply->era;
    context_.durable_sequence = 0;  // what was heard before belongs to the history that was given up
  }
  context_.epoch = reply->epoch;
  context_.durable_sequence = std::max(context_.durable_sequence, reply->durable_sequence);
  return *std::move(reply);
}

}  // namespace framemill::worker
