// The inside of Store: two bounded queues, filled from any thread, and the store's thread, which alone touches the
// database.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "scheduler/store/backup_copy.h"
#include "scheduler/store/batch_writer.h"
#include "scheduler/store/database.h"
#include "scheduler/store/record_reader.h"
#include "scheduler/store/store.h"

namespace framemill::scheduler::store {

class Store::Impl {
 public:
  Impl(Database database, StoreOptions options);
  base::Status prepare();  // the statements; before start()
  void start();
  ~Impl();

  jobs::Epoch epoch() const { return epoch_; }
  const EpochHistory& epoch_history() const { return history_; }
  base::Result<LoadedState> load();
  base::Status write(std::vector<Persist> turns, std::function<void(WriteResult)> done);
  base::Status backup(std::filesystem::path path, Callback<std::uint64_t> done);
  StoreCounters counters() const;

  // Queues a question; `done` gets its answer, or store.stopped.
  template <class T>
  base::Status read(std::function<base::Result<T>(HistoryReader&)> question, Callback<T> done) {
    return queue_read([question = std::move(question), done = std::move(done)](base::Result<HistoryReader*> reader) {
      done(reader.ok() ? question(**reader) : base::Result<T>(reader.error()));
    });
  }

 private:
  struct Pending {
    std::vector<Persist> turns;
    std::function<void(WriteResult)> done;
    bool empty() const;
    std::size_t records() const;
  };
  struct ActiveBackup {
    BackupCopy copy;
    Callback<std::uint64_t> done;
  };
  using Read = std::function<void(base::Result<HistoryReader*>)>;
  using Clock = std::chrono::steady_clock;

  base::Status queue_read(Read read);
  bool has_work() const;    // with the mutex held, as the next two
  bool may_commit() const;  // not waiting for room on the disk
  void take_group();        // whatever waits becomes the next transaction, up to a bound
  void run();               // the thread
  void commit_group();
  base::Result<Position> try_commit();
  void acknowledge(const Position& after);
  void answer_reads(std::deque<Read> reads);
  void checkpoint_if_due();
  void step_backup();
  void enter_disk_full(const base::Error& error);
  void leave_disk_full();
  void stop_on(const base::Error& error);

  StoreOptions options_;
  jobs::Epoch epoch_;
  const EpochHistory history_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Pending> writes_;
  std::deque<Read> reads_;
  std::optional<std::pair<std::filesystem::path, Callback<std::uint64_t>>> backup_asked_;
  bool backup_busy_ = false;
  bool closing_ = false;
  std::optional<base::Error> fatal_;
  StoreCounters counters_;

  // The store's thread alone (and prepare(), before there is one).
  Database database_;
  std::unique_ptr<BatchWriter> writer_;
  std::unique_ptr<HistoryReader> reader_;
  std::optional<Statement> begin_, commit_;
  std::vector<Pending> group_;  // the transaction at work; kept while the disk is full
  std::optional<ActiveBackup> backup_;
  int wal_pages_ = 0;
  bool disk_full_ = false;
  bool stopped_ = false;  // fatal_ is set
  Clock::time_point retry_at_;
  std::thread thread_;
};

}  // namespace framemill::scheduler::store
