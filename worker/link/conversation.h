// What one worker process and the scheduler say to each other: reports are written, replies are read and checked. Follows
// one scheduler database only: a scheduler whose durable sequence is behind what this worker has heard has lost history
// (promise P8), and is not listened to. Free of sockets and clocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/link/reply.h"
#include "worker/link/report.h"

namespace framemill::worker {

class Conversation {
 public:
  explicit Conversation(std::uint64_t incarnation) { context_.incarnation = incarnation; }

  std::string write(const Report& report, const wire::Inventory* inventory,
                    const std::vector<wire::FilesLookedFor>& looked_for) const;
  // The reply, if it can be read and is one to follow. Else problem() says why, where that is for people.
  std::optional<Reply> take(std::string_view bytes);

  // Whether the scheduler's last word was not a refusal: this process is the one that works under its key.
  bool accepted() const { return accepted_; }
  // Why the newest message was not followed; empty: it was, or was for another process.
  const std::string& problem() const { return problem_; }

 private:
  bool follows(const Reply& reply);
  void refuse(std::string problem);

  ReportContext context_;
  std::string problem_, last_refusal_, last_bad_item_;
  bool accepted_ = false;
};

}  // namespace framemill::worker
