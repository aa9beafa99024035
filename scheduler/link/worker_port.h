// Where replies to workers go: the real one is WorkerLink, over ZeroMQ. Reports do not come this way: whoever
// implements it brings them to the scheduler's loop as events (report.h). Loop thread.
#pragma once

#include <cstdint>
#include <string>

namespace framemill::wire {
class SchedulerReply;
}

namespace framemill::scheduler {

class WorkerPort {
 public:
  virtual ~WorkerPort() = default;

  // After a start: the process that had the worker's key (Z85) when the scheduler was last there.
  virtual void expect(const std::string& worker_key, std::uint64_t incarnation) = 0;

  // Full: the worker reads slowly, try again soon. Gone: not connected, or a reply that can never be sent. Yes: it is
  // on its way; it may still be lost with the connection.
  enum class Sent { Yes, Full, Gone };
  virtual Sent send(const std::string& worker_key, const wire::SchedulerReply& reply) = 0;
};

}  // namespace framemill::scheduler
