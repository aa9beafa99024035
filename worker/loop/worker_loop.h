// The worker's loop: whatever happens becomes an event of the core, what the core wants done goes to a port, and what
// there is to say is reported. Keeps what the core's ids stand for (grants, orders); decides nothing. One thread (the
// loop's) owns it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "worker/core/worker.h"
#include "worker/link/reply.h"
#include "worker/link/scheduler_port.h"
#include "worker/loop/ports.h"

namespace framemill::worker {

class WorkerLoop {
 public:
  struct Ports {  // they outlive it
    base::Loop& loop;
    SchedulerPort& scheduler;
    ExecutorPort& executors;
    ChildPort& children;
    StoragePort& storage;
    ScoutPort& scout;
    HostPort& host;
  };
  WorkerLoop(Ports ports, WorkerSettings settings);
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  // Takes over what an earlier process left and posts the first turn. Before any other call.
  void start();

  void happen(Event event);  // from within an effect: the turn at work takes it
  void on_reply(Reply reply);
  void on_connected() { happen(LinkConnected{}); }
  void stop();  // as SIGTERM asks: the first drains, the second stops now

  const Worker& core() const { return core_; }

 private:
  void act(const StartExecutor& e) { ports_.executors.start(e.slot); }
  void act(const FinishExecutor& e) { ports_.executors.finish(e.slot); }
  void act(const KillExecutor& e) { ports_.executors.kill(e.slot, e.because); }
  void act(const PrepareStaging& e) { ports_.storage.prepare(e.attempt, grants_.at(e.attempt)); }
  void act(const StartInExecutor& e) { ports_.executors.begin(e.slot, e.attempt, grants_.at(e.attempt), e.tasks); }
  void act(const CancelInExecutor& e) { ports_.executors.cancel(e.slot, e.attempt, e.keep_finished, e.keep); }
  void act(const StartChild& e) { ports_.children.start(e.slot, e.attempt, grants_.at(e.attempt), e.tasks); }
  void act(const StopChild& e) { ports_.children.stop(e.attempt, e.keep_finished); }
  void act(const ForgetAttempt& e);
  void act(const SweepStaging& e) { ports_.storage.sweep(e.attempt); }
  void act(const DropTask& e) { ports_.storage.drop_task(e.attempt, e.task); }
  void act(const SweepIfPublished& e) { ports_.storage.sweep_if_published(e.attempt); }
  void act(const Publish& e);
  void act(const Discard& e);
  void act(const WriteManifest& e);
  void act(const Exit& e);

  void log_host_conditions();
  void send_reports();
  void arm_timer();
  void run_housekeeping();
  void sweep_left();
  wire::Inventory inventory() const;
  std::string status() const;

  Ports ports_;
  Worker core_;
  // What ids of the core stand for; each entry goes when the core forgets the id.
  std::map<AttemptId, wire::Grant> grants_;
  std::map<PublishDuty, wire::PublishOrder> publishes_;
  std::map<ManifestDuty, wire::ManifestOrder> manifests_;
  std::map<JobId, std::vector<std::string>> discards_;
  std::map<std::pair<std::string, Doing>, std::string> conditions_told_;  // root -> code that was logged

  std::deque<Event> happened_;
  bool turning_ = false;
  base::Timer deadline_, house_, resend_;
  int house_rounds_ = 0;
  bool swept_once_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace framemill::worker
