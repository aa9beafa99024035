// The worker daemon's shell: one loop thread that owns the core, the link, the executors, the children and the storage.
// Whatever happens becomes an event of the core; what the core wants done is done here and nothing is decided here.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/curve_keys.h"
#include "net/event_loop.h"
#include "net/service_manager.h"
#include "worker/core/worker.h"
#include "worker/daemon/attempt_logs.h"
#include "worker/daemon/config.h"
#include "worker/daemon/devices.h"
#include "worker/daemon/input_scout.h"
#include "worker/daemon/storage.h"
#include "worker/link/scheduler_link.h"
#include "worker/supervisor/child_runner.h"
#include "worker/supervisor/executor_process.h"
#include "worker/supervisor/memory_cap.h"

namespace framemill::worker {

// Everything that is looked up before the loop starts; --check-config makes one and stops.
struct DaemonSetup {
  WorkerConfig config;
  HostPlan host;
  net::CurveKeyPair keys;
  net::CurvePublicKey scheduler_key;
  std::filesystem::path own_program, executor, media;
  std::optional<gid_t> group;
  AccessPolicy access;
};
// Errors: config.*, keys.*, nvml.failed.
base::Result<DaemonSetup> make_setup(WorkerConfig config);

class Daemon {
 public:
  Daemon(net::EventLoop& loop, DaemonSetup setup);
  ~Daemon();
  // Errors: net.*; what is wrong with roots, packages or executors is told, retried and reported instead.
  base::Status start();
  // After the loop: some root's threads may never come back, so the process must not wait for them.
  bool storage_hangs() const { return storage_.hangs(); }

 private:
  void happen(Event event);
  void perform(const Effect& effect);
  void after_turn();
  void log_host_conditions();
  void send_reports();
  void arm_timer();

  void act(const StartExecutor& e);
  void act(const FinishExecutor& e);
  void act(const KillExecutor& e);
  void act(const PrepareStaging& e);
  void act(const StartInExecutor& e);
  void act(const CancelInExecutor& e);
  void act(const StartChild& e);
  void act(const StopChild& e);
  void act(const ForgetAttempt& e);
  void act(const SweepStaging& e);
  void act(const DropTask& e);
  void act(const SweepIfPublished& e);
  void act(const Publish& e);
  void act(const Discard& e);
  void act(const WriteManifest& e);
  void act(const Exit& e);

  bool executor_reaches(SlotIndex slot, const RootDirectory& root) const;
  void on_reply(Reply reply);
  void cancel_in_executor(SlotIndex slot, const AttemptId& attempt, bool keep_finished, const TaskRange& keep);
  void on_executor_message(SlotIndex slot, const wire::FromExecutor& message);
  void on_executor_line(SlotIndex slot, std::string_view line);
  void keep_house();
  void look_at_children();
  void sweep_left();
  void look_for_packages();
  void stop_asked();
  wire::Inventory inventory() const;
  std::string status() const;

  net::EventLoop& loop_;
  const DaemonSetup setup_;
  net::ServiceManager service_manager_;
  MemoryCaps memory_caps_;
  std::vector<MemoryCap> caps_;  // by slot
  Storage storage_;
  InputScout scout_;
  Worker core_;
  std::unique_ptr<SchedulerLink> link_;
  std::vector<std::unique_ptr<ExecutorProcess>> executors_;  // by slot
  std::vector<std::vector<Tree>> executors_write_;           // by slot: where its executor may write
  std::map<AttemptId, std::shared_ptr<ChildRunner>> children_;
  std::map<AttemptId, std::unique_ptr<IoThread>> children_io_;  // one each: its roots may hang
  std::map<AttemptId, std::uint64_t> children_work_;            // as last seen
  // What ids of the core stand for; each entry goes when the core forgets the id.
  std::map<AttemptId, wire::Grant> grants_;
  std::map<PublishDuty, wire::PublishOrder> publishes_;
  std::map<ManifestDuty, wire::ManifestOrder> manifests_;
  std::map<JobId, std::vector<std::string>> discards_;
  std::vector<wire::Package> packages_;
  bool media_usable_ = false;
  std::map<std::pair<std::string, Doing>, std::string> conditions_told_;  // root -> code that was logged

  std::deque<Event> happened_;
  bool turning_ = false;
  AttemptLogs logs_;  // of what runs in executors
  net::Timer deadline_timer_, house_timer_, resend_timer_, output_timer_;
  int house_rounds_ = 0;
  bool swept_once_ = false;
};

}  // namespace framemill::worker
