// The worker's roots and everything done in them. Each root has threads of its own, so that one whose storage hangs
// holds up no other: one for staging, publishing and sweeping, one for manifests, and one that looks at the root every
// ten seconds and touches a file in it. A look that does not come back makes the root unusable here until it does.
// Results come back as core events. Loop thread, but for what the I/O threads run.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "wire/farm.pb.h"
#include "worker/core/events.h"
#include "worker/loop/ports.h"
#include "worker/supervisor/child_work.h"
#include "worker/supervisor/io_thread.h"
#include "worker/supervisor/publisher.h"

namespace framemill::worker {

struct StorageSettings {
  std::map<std::string, std::filesystem::path> roots;
  std::set<std::string> read_only;  // of them: nothing is ever written there
  std::string owner;                // this worker's public key
  PublishSettings publish;
  bool previews = false;  // their directory is made in each writable root
  base::Duration hangs_after = base::seconds(15);
};

// One look at a root.
struct RootLook {
  wire::Root state;
  std::shared_ptr<const RootDirectory> directory;  // null: it cannot serve at all
  std::optional<base::Error> problem;
  std::optional<Tree> attempts;  // of a writable root: the directory of all attempts
  std::optional<Tree> previews;  // and that of previews, where they are made
};
// May wait for storage. Writes an id into a marker without one, where that may be, and touches a file of its own.
RootLook look_at_root(const std::string& name, const StorageSettings& settings);

class Storage : public StoragePort {
 public:
  Storage(net::EventLoop& loop, StorageSettings settings, std::function<void(Event)> happen);
  ~Storage() override;  // finishes what is queued where storage answers; results are dropped

  // At the start, before the loop runs: opens the roots and finds what an earlier run left. The recovered tasks; those of
  // a root that does not answer now come as events when it does.
  std::vector<TaskRecovered> open() override;

  const RootTable& roots() const { return roots_; }
  std::vector<wire::Root> states() const;
  bool hangs() const;  // some root does not answer: who ends now must not wait for its threads
  // The directories of all attempts in the writable roots, for executors.
  std::vector<Tree> attempts_trees() const;
  std::vector<Tree> previews_trees() const;

  // Told of each order that was carried out, after the core.
  void on_published(std::function<void(const wire::PublishOrder&)> told) { published_ = std::move(told); }
  void sweep_previews(base::WallTime since);  // those of jobs to which none was added since

  void refresh() override;
  void sweep_left(std::function<bool(const AttemptId&)> held) override;

  void prepare(const AttemptId& attempt, const wire::Grant& grant) override;
  void publish(const PublishDuty& duty, const wire::PublishOrder& order) override;
  void write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order) override;
  void discard(JobId job, const std::vector<std::string>& roots) override;
  void sweep(const AttemptId& attempt) override;
  void drop_task(const AttemptId& attempt, TaskIndex task) override;
  void sweep_if_published(const AttemptId& attempt) override;

 private:
  // StagingLeft where it is not published.
  void sweep_or_tell(const std::string& root_name, const StagedAttempt& staged);
  struct FirstLook;
  struct Lane {  // of one root
    IoThread io, manifests, looks;
    RootLook last;
    bool looking = false, hangs = false, looked = false;
    base::Instant began{};
    std::string told;  // the problem that was logged
  };
  struct Looked {
    RootLook look;
    std::vector<TaskRecovered> recovered;  // of the first look
  };
  static Looked look(const std::string& name, const StorageSettings& settings, bool first);
  void begin_look(const std::string& name, Lane& lane);
  void take(const std::string& name, Looked looked);
  void notice_hanging(const std::string& name, Lane& lane);
  void tell(Lane& lane, const std::optional<base::Error>& problem);
  template <class Work, class Then>
  bool run(IoThread& thread, Work work, Then then);
  Lane* lane_of(const std::string& root);

  net::EventLoop& loop_;
  const std::shared_ptr<const StorageSettings> settings_;
  std::function<void(Event)> happen_;
  std::function<void(const wire::PublishOrder&)> published_;
  RootTable roots_;
  std::shared_ptr<std::atomic<bool>> alive_;  // posted results look whether this object still is
  std::map<std::string, std::unique_ptr<Lane>> lanes_;
};

}  // namespace framemill::worker
