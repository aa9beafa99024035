// From the wire's reply to the core's event, with every field checked: the scheduler proved its key, but a message may
// be of another version or for another incarnation. Pure. A part that makes no sense costs that part; the attempt of a
// grant that does is told as failed.
//
// Errors: link.protocol, link.bad_reply (field says which part).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/convert.h"
#include "wire/farm.pb.h"
#include "worker/core/events.h"

namespace framemill::worker {

struct Reply {
  ReplyReceived event;
  std::uint64_t incarnation = 0;
  jobs::Epoch epoch;
  std::uint64_t durable_sequence = 0;
  std::uint64_t era = 0;
  std::string refused;
  std::vector<base::Error> bad_items;  // parts that were not taken, for the log
  // What the event's ids stand for: the core has no use for recipes and files, the shell keeps them.
  std::map<AttemptId, wire::Grant> grants;
  std::map<PublishDuty, wire::PublishOrder> publishes;
  std::map<ManifestDuty, wire::ManifestOrder> manifests;
  std::map<JobId, std::vector<std::string>> discards;  // job -> roots; none: all
  std::optional<wire::WatchList> watch;                // files to look for; nothing: as before
};

base::Result<Reply> parse_reply(std::string_view bytes);
void tasks_to_wire(const PhaseId& phase, const TaskRange& tasks, wire::Tasks& out);

}  // namespace framemill::worker
