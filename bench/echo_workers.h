// Workers that do nothing: each is a CURVE DEALER of its own that answers a grant with all its tasks finished and a
// publish order with all of it published, through the real messages. All live on the one loop they are given; construct
// before it runs.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/secure_dealer.h"
#include "wire/farm.pb.h"

namespace framemill::bench {

class EchoWorker {
 public:
  static base::Result<std::unique_ptr<EchoWorker>> start(net::EventLoop& loop, net::SecureDealerOptions options,
                                                         std::string name, std::uint32_t slots);

  // What it was told in all; on the loop's thread, or after it ended.
  std::uint64_t tasks_granted() const { return tasks_granted_; }
  std::uint64_t tasks_ordered() const { return tasks_ordered_; }  // to be published: more than granted are repeats
  std::uint64_t replies() const { return replies_; }

 private:
  EchoWorker(std::string name, std::uint32_t slots);
  void introduce();
  void on_reply(std::string_view bytes);
  void add_finished(const wire::Grant& grant);
  void add_published(const wire::PublishOrder& order);
  void tell_publishing();
  void send();         // what was gathered, if anything
  void send_report();  // that too when it is nothing: a sign of life
  void keep_alive();   // once a second: repeats what was not acknowledged

  struct Sent {
    std::uint64_t sequence = 0;
    std::string bytes;
    std::vector<wire::Tasks> published;
  };
  std::string name_;
  std::uint32_t slots_;
  std::uint64_t incarnation_, sequence_ = 0;
  wire::WorkerReport report_;  // being gathered
  std::deque<Sent> unacknowledged_;
  std::uint64_t oldest_at_last_look_ = 0;
  std::uint64_t tasks_granted_ = 0, tasks_ordered_ = 0, replies_ = 0;
  net::EventLoop* loop_ = nullptr;
  std::unique_ptr<net::SecureDealer> dealer_;
  net::Timer timer_;
};

}  // namespace framemill::bench
