// The durable job store: one SQLite database, one connection, one thread of its own. The core's records go in as
// batches and come back, through load(), at a restart; what people and publish orders need of the past is read through
// the same thread. Everything here is asynchronous but open() and load(): calls only queue, callbacks are delivered as
// the options say. docs/store.md has the tables, the files beside the database and the checks.
//
// What holds (promises P1, P2, P8): `done` is called after the fsync, in the order of write(); a commit of a task is
// accepted once, a second one stops the store; a full disk keeps the batch and tries again; any other error stops the
// store with on_fatal, and nothing queued then is answered.
//
// Errors: store.in_use, store.network_file_system, store.newer_schema, store.not_a_store, store.corrupt,
// store.history_lost, store.disk_full, store.io, store.busy (a queue is full: try later), store.stopped,
// store.epoch_lost, store.invariant, store.file (a file beside the database).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/history.h"
#include "scheduler/store/journal.h"

namespace framemill::scheduler::store {

struct StoreOptions {
  std::uint64_t epoch_nonce = 0;                        // 64 random bits, new for every start
  std::uint64_t ballast_bytes = 16 << 20;               // given back to the file system when the disk is full; 0: none
  base::Duration disk_retry = base::milliseconds(500);  // between tries while the disk is full
  std::uint32_t batches_queued_max = 256;               // write() beyond it: store.busy
  std::uint32_t reads_queued_max = 1024;                // reads beyond it: store.busy
  std::uint32_t finished_jobs_loaded_max = 10'000;      // the newest
  std::uint32_t tokens_loaded_max = 100'000;            // the newest

  // Every callback but those of History goes through it: called on the store's thread, it brings the function to the thread that shall run
  // it. Empty: they run on the store's thread.
  std::function<void(std::function<void()>)> deliver;
  // None may be destroyed while the store lives.
  std::function<void(base::Error)> on_disk_full;  // once per condition; batches are kept and tried again
  std::function<void()> on_disk_recovered;        // the ballast is back in place
  std::function<void(base::Error)> on_fatal;      // once: the store has stopped, so must the daemon (P8)
  // How long each COMMIT with its fsync took. Called on the store's thread, whatever `deliver` says: it must not wait.
  std::function<void(std::chrono::microseconds)> on_commit;

  // Gets each batch when it is durable, in order, once nothing needs it any more; not through `deliver`: called on the
  // store's thread, which waits for it. Empty: nobody wants them.
  std::function<void(std::vector<Persist>)> on_durable;
};

struct StoreCounters {
  std::uint64_t batches = 0, transactions = 0, records = 0;  // since open; batches / transactions: group size
  std::uint64_t durable_sequence = 0;
  std::uint64_t last_commit_us = 0;  // the COMMIT with its fsync
  std::uint64_t wal_bytes = 0;
  std::uint32_t batches_queued = 0;
  bool disk_full = false;
};

class Store : public Journal, public History {
 public:
  // Opens or creates the database, brings its schema up to date (with a backup beside it first) and raises the epoch
  // durably. Blocking. The directory must exist.
  static base::Result<std::unique_ptr<Store>> open(const std::filesystem::path& path, StoreOptions options);
  // Commits what is queued (unless the disk is full or the store has stopped), then closes.
  ~Store() override;

  jobs::Epoch epoch() const override;
  const EpochHistory& epoch_history() const;  // as it was when the store opened
  base::Result<LoadedState> load() override;

  // One transaction, together with whatever else waits when the commit before it ends.
  [[nodiscard]] base::Status write_turns(std::vector<Persist> turns, std::function<void(WriteResult)> done) override;
  [[nodiscard]] base::Status write(Persist turn, std::function<void(WriteResult)> done);

  [[nodiscard]] base::Status files_of(PhaseId phase, TaskRange tasks,
                                      Callback<std::vector<CommitRecord>> done) override;
  [[nodiscard]] base::Status commits_of(JobId job, CommitCursor from, std::uint32_t limit, Reads reads,
                                        Callback<std::vector<CommittedTask>> done) override;
  [[nodiscard]] base::Status attempts_of(JobId job, AttemptCursor from, std::uint32_t limit, OutputTails tails,
                                         Callback<std::vector<AttemptRecord>> done) override;
  [[nodiscard]] base::Status files_of_attempts(std::vector<AttemptRecord> attempts, std::uint32_t limit,
                                               Callback<std::vector<AttemptFiles>> done) override;
  // What people did, by number, from `first` on.
  [[nodiscard]] base::Status audit(std::uint64_t first, std::uint32_t limit, Callback<std::vector<AuditRecord>> done);

  // Copies the database to a new file in small steps between batches; `done` gets the size in bytes. One at a time.
  [[nodiscard]] base::Status backup(std::filesystem::path path, Callback<std::uint64_t> done);

  StoreCounters counters() const;

 private:
  class Impl;
  Store(std::unique_ptr<Impl> impl, std::function<void(std::function<void()>)> deliver);
  std::function<void(std::function<void()>)> deliver_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace framemill::scheduler::store
