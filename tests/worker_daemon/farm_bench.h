// The real framemill-worker with an executor that may misbehave, and a scheduler of the test's own on a real CURVE
// ROUTER: grants what the test says, acknowledges and publishes, or keeps silent. Tests only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/curve_keys.h"
#include "net/event_loop.h"
#include "net/secure_router.h"
#include "wire/farm.pb.h"

namespace framemill::worker::bench {

class FarmBench {
 public:
  FarmBench();
  ~FarmBench();  // kills what still runs
  FarmBench(const FarmBench&) = delete;
  FarmBench& operator=(const FarmBench&) = delete;

  void start_worker();
  void signal_worker(int number);
  // Waits for its end; the exit status, or minus the signal.
  int wait_worker();
  pid_t worker_pid() const { return worker_; }
  // Every live process whose command line names this bench's directory or that descends from the worker.
  std::vector<pid_t> children_of(pid_t parent) const;

  void open_router();
  void close_router() { router_.reset(); }

  // A window job on the fake model: `prompt` says how it goes (tests/support/fake_engine.h).
  wire::Grant generate(std::uint64_t counter, const std::string& prompt, std::uint32_t tasks = 1) const;
  wire::Grant command(std::uint64_t counter, const std::string& script) const;
  void grant(wire::Grant grant) { pending_.push_back(std::move(grant)); }
  void revoke(const wire::Grant& grant, const std::string& reason);

  bool wait(const std::function<bool()>& condition, int seconds = 30);
  bool wait_usable();
  const wire::EndedAttempt* ended(std::uint64_t counter) const;
  std::size_t finished_count() const { return finished.size(); }
  bool file_exists(const std::string& in_root) const;
  std::string log() const;

  bool acknowledge = true;  // replies at all
  bool publish = true;      // orders publishing of what is finished
  bool usable = false, draining = false;
  wire::Inventory inventory;
  wire::WorkerReport last_report;
  std::map<std::pair<std::uint64_t, std::uint32_t>, wire::FinishedTask> finished;  // by attempt and task
  std::map<std::uint64_t, wire::EndedAttempt> ends;
  std::size_t published = 0;
  std::uint64_t incarnation = 0;
  std::string extra_config, drain_timeout = "20s";

 private:
  void on_report(net::PeerId peer, const wire::WorkerReport& report);
  void write_config();

  std::string directory_, endpoint_ = "tcp://127.0.0.1:*";
  net::CurveKeyPair scheduler_keys_, worker_keys_;
  net::EventLoop loop_;
  std::unique_ptr<net::SecureRouter> router_;
  std::vector<wire::Grant> pending_;
  std::vector<wire::Revoke> revokes_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, wire::PublishOrder> to_publish_;
  pid_t worker_ = -1;
};

}  // namespace framemill::worker::bench
