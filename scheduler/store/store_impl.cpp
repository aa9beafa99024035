#include "scheduler/store/store_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "base/clock.h"
#include "base/log.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

// One transaction: at about 300,000 rows a second this is some 50 ms, so nobody waits long for the group's end.
constexpr std::size_t kGroupRecordsMax = 16'384;
// The log is written back at 16 MiB: long enough that a page of task states is written back once for many commits.
constexpr int kWalPagesMax = 4096;
constexpr std::size_t kReadsPerRoundMax = 64;  // between two commits
constexpr int kBackupPagesPerStep = 64;

}  // namespace

Store::Impl::Impl(Database database, StoreOptions options)
    : options_(std::move(options)), epoch_(database.epoch), history_(database.history), database_(std::move(database)) {
}

base::Status Store::Impl::prepare() {
  Connection& connection = database_.connection;
  FM_ASSIGN(writer_, BatchWriter::prepare(connection, epoch_, database_.epochs));
  FM_ASSIGN(reader_, HistoryReader::prepare(connection, database_.epochs));
  FM_ASSIGN(begin_, connection.prepare("BEGIN IMMEDIATE"));
  FM_ASSIGN(commit_, connection.prepare("COMMIT"));
  counters_.durable_sequence = database_.position.sequence;
  sqlite3_wal_hook(
      connection.handle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
  return {};
}

void Store::Impl::start() {
  thread_ = std::thread([this] { run(); });
}

Store::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

base::Result<LoadedState> Store::Impl::load() {
  std::promise<base::Result<LoadedState>> answer;
  FM_TRY(queue_read([&](base::Result<HistoryReader*> reader) {
    if (!reader.ok()) return answer.set_value(reader.error());
    auto records = read_state(database_.connection, database_.epochs,
                              {options_.finished_jobs_loaded_max, options_.tokens_loaded_max});
    if (!records.ok()) return answer.set_value(records.error());
    answer.set_value(LoadedState{std::move(records).value(), database_.position.sequence});
  }));
  return answer.get_future().get();
}

bool Store::Impl::Pending::empty() const {
  return std::all_of(turns.begin(), turns.end(), [](const Persist& turn) { return turn.empty(); });
}

std::size_t Store::Impl::Pending::records() const {
  std::size_t records = 0;
  for (const Persist& turn : turns) records += turn.puts.size();
  return records;
}

base::Status Store::Impl::write(std::vector<Persist> turns, std::function<void(WriteResult)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (fatal_ || closing_) return base::error_of(StoreError::Stopped, "the store has stopped");
    if (writes_.size() >= options_.batches_queued_max)
      return base::error_of(StoreError::Busy, fmt::format("{} batches wait to be written", writes_.size()), "",
                            "try again later");
    writes_.push_back({std::move(turns), std::move(done)});
  }
  wake_.notify_one();
  return {};
}

base::Status Store::Impl::queue_read(Read read) {
  {
    const std::lock_guard lock(mutex_);
    if (fatal_ || closing_) return base::error_of(StoreError::Stopped, "the store has stopped");
    if (reads_.size() >= options_.reads_queued_max)
      return base::error_of(StoreError::Busy, fmt::format("{} questions wait to be answered", reads_.size()), "",
                            "try again later");
    reads_.push_back(std::move(read));
  }
  wake_.notify_one();
  return {};
}

base::Status Store::Impl::backup(std::filesystem::path path, Callback<std::uint64_t> done) {
  {
    const std::lock_guard lock(mutex_);
    if (fatal_ || closing_) return base::error_of(StoreError::Stopped, "the store has stopped");
    if (backup_busy_) return base::error_of(StoreError::Busy, "a backup is running", "", "try again when it is done");
    backup_busy_ = true;
    backup_asked_.emplace(std::move(path), std::move(done));
  }
  wake_.notify_one();
  return {};
}

StoreCounters Store::Impl::counters() const {
  const std::lock_guard lock(mutex_);
  StoreCounters counters = counters_;
  counters.batches_queued = static_cast<std::uint32_t>(writes_.size());
  return counters;
}

bool Store::Impl::may_commit() const {
  return !disk_full_ || Clock::now() >= retry_at_;
}

bool Store::Impl::has_work() const {
  return closing_ || !reads_.empty() || (!stopped_ && (backup_asked_ || backup_)) ||
         (!writes_.empty() && group_.empty() && !disk_full_) || (disk_full_ && may_commit());
}

void Store::Impl::take_group() {
  if (!group_.empty()) return;
  std::size_t records = 0;
  while (!writes_.empty() && (group_.empty() || records + writes_.front().records() <= kGroupRecordsMax)) {
    records += writes_.front().records();
    group_.push_back(std::move(writes_.front()));
    writes_.pop_front();
  }
}

void Store::Impl::run() {
  if (database_.disk_full) enter_disk_full(base::error_of(StoreError::DiskFull, "no space for the ballast file"));
  while (true) {
    std::deque<Read> reads;
    bool closing = false;
    {
      std::unique_lock lock(mutex_);
      if (disk_full_)
        wake_.wait_until(lock, retry_at_, [this] { return has_work(); });
      else
        wake_.wait(lock, [this] { return has_work(); });
      closing = closing_;
      if (!fatal_ && may_commit()) take_group();
      if (reads_.size() <= kReadsPerRoundMax) {
        reads.swap(reads_);
      } else {
        std::move(reads_.begin(), reads_.begin() + kReadsPerRoundMax, std::back_inserter(reads));
        reads_.erase(reads_.begin(), reads_.begin() + kReadsPerRoundMax);
      }
    }
    const bool tried = may_commit();
    if (!group_.empty() && tried) commit_group();
    if (disk_full_ && tried && group_.empty()) leave_disk_full();
    answer_reads(std::move(reads));
    checkpoint_if_due();
    step_backup();
    if (!closing) continue;
    const std::lock_guard lock(mutex_);
    // What a full disk still holds back was never acknowledged.
    if (stopped_ || disk_full_ || (writes_.empty() && group_.empty() && reads_.empty())) break;
  }
  answer_reads(std::exchange(reads_, {}));
  const base::Error unfinished = base::error_of(StoreError::Stopped, "the store closed before the backup was done");
  if (backup_) std::exchange(backup_, std::nullopt)->done(unfinished);
  if (backup_asked_) backup_asked_->second(unfinished);
  if (const base::Status synced = database_.mark.sync(); !synced.ok())
    base::log_warning("store", "{}", synced.error().message);
}

void Store::Impl::commit_group() {
  base::Result<Position> committed = try_commit();
  if (!committed.ok() && is_disk_full(committed.error())) {
    const bool had_ballast = database_.ballast.in_place();
    enter_disk_full(committed.error());
    // The ballast has just made room: what was accepted before the disk was full need not wait.
    if (had_ballast) committed = try_commit();
  }
  if (committed.ok())
    acknowledge(*committed);
  else if (!is_disk_full(committed.error()))
    stop_on(committed.error());
}

base::Result<Position> Store::Impl::try_commit() {
  std::vector<const Persist*> turns;
  std::uint64_t batches = 0;
  for (const Pending& pending : group_) {
    for (const Persist& turn : pending.turns)
      if (!turn.empty()) turns.push_back(&turn);
    batches += !pending.empty();
  }
  if (batches == 0) return database_.position;
  const auto transaction = [&]() -> base::Result<Position> {
    FM_TRY(begin_->run());
    FM_ASSIGN(const Position after, writer_->write(turns, database_.position, batches, base::wall_now()));
    const auto started = Clock::now();
    FM_TRY(commit_->run());
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started);
    if (options_.on_commit) options_.on_commit(took);
    const std::lock_guard lock(mutex_);
    counters_.last_commit_us = static_cast<std::uint64_t>(took.count());
    return after;
  };
  base::Result<Position> after = transaction();
  if (!after.ok()) database_.connection.rollback();
  return after;
}

void Store::Impl::acknowledge(const Position& after) {
  std::vector<Pending> group = std::exchange(group_, {});
  std::uint64_t sequence = std::exchange(database_.position, after).sequence;
  if (after.sequence != sequence) {
    if (const base::Status marked = database_.mark.write({after.sequence, after.chain}); !marked.ok())
      base::log_warning("store", "{}", marked.error().message);
    const std::lock_guard lock(mutex_);
    ++counters_.transactions;
    counters_.batches += after.sequence - sequence;
    for (const Pending& pending : group) counters_.records += pending.records();
    counters_.durable_sequence = after.sequence;
    counters_.wal_bytes = static_cast<std::uint64_t>(wal_pages_) * 4096;
  }
  for (const Pending& pending : group) {
    if (!pending.empty()) ++sequence;
    if (pending.done) pending.done(WriteResult{sequence});
  }
  if (!options_.on_durable) return;
  for (Pending& pending : group) options_.on_durable(std::move(pending.turns));
}

void Store::Impl::answer_reads(std::deque<Read> reads) {
  std::optional<base::Error> stopped;
  {
    const std::lock_guard lock(mutex_);
    if (fatal_) stopped = base::error_of(StoreError::Stopped, "the store has stopped: " + fatal_->message);
  }
  for (const Read& read : reads) {
    if (stopped)
      read(*stopped);
    else
      read(reader_.get());
  }
}

void Store::Impl::checkpoint_if_due() {
  if (wal_pages_ < kWalPagesMax || stopped_ || !may_commit()) return;
  const int code =
      sqlite3_wal_checkpoint_v2(database_.connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  wal_pages_ = 0;  // when it failed: not again before the next commit
  if (code == SQLITE_OK) return;
  const base::Error error = sql_error(database_.connection.handle(), code, "write the log back into the database");
  if (is_disk_full(error))
    enter_disk_full(error);
  else
    stop_on(error);
}

void Store::Impl::step_backup() {
  if (stopped_) return;
  if (!backup_) {
    std::optional<std::pair<std::filesystem::path, Callback<std::uint64_t>>> asked;
    {
      const std::lock_guard lock(mutex_);
      asked = std::exchange(backup_asked_, std::nullopt);
    }
    if (!asked) return;
    // What is copied is read from the disk: a page that lies whole in memory says nothing of the one on the disk.
    sqlite3_db_release_memory(database_.connection.handle());
    auto copy = BackupCopy::begin(database_.connection, asked->first);
    if (copy.ok()) {
      backup_.emplace(ActiveBackup{std::move(copy).value(), std::move(asked->second)});
    } else {
      const std::unique_lock lock(mutex_);
      backup_busy_ = false;
    }
    if (!backup_) return asked->second(copy.error());
  }
  auto copied = backup_->copy.step(kBackupPagesPerStep);
  if (copied.ok() && !*copied) return;
  ActiveBackup ended = std::move(*backup_);
  backup_.reset();
  base::Result<std::uint64_t> size = copied.ok() ? ended.copy.finish() : base::Result<std::uint64_t>(copied.error());
  {
    const std::lock_guard lock(mutex_);
    backup_busy_ = false;
  }
  ended.done(std::move(size));
}

void Store::Impl::enter_disk_full(const base::Error& error) {
  database_.ballast.release();
  retry_at_ = Clock::now() + std::chrono::milliseconds(options_.disk_retry.ms);
  if (disk_full_) return;
  {
    const std::lock_guard lock(mutex_);
    disk_full_ = true;
    counters_.disk_full = true;
  }
  if (options_.on_disk_full) options_.on_disk_full(error);
}

void Store::Impl::leave_disk_full() {
  if (!database_.ballast.restore(Ballast::Room::Refill)) {
    retry_at_ = Clock::now() + std::chrono::milliseconds(options_.disk_retry.ms);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    disk_full_ = false;
    counters_.disk_full = false;
  }
  if (options_.on_disk_recovered) options_.on_disk_recovered();
}

void Store::Impl::stop_on(const base::Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (fatal_) return;
    fatal_ = error;
    writes_.clear();
  }
  stopped_ = true;
  group_.clear();
  disk_full_ = false;
  checkpoint_on_close(database_.connection, false);  // touch the files no more
  if (options_.on_fatal) options_.on_fatal(error);
}

}  // namespace framemill::scheduler::store
