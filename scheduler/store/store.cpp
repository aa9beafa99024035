#include "scheduler/store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scheduler/store/store_error.h"
#include "scheduler/store/store_impl.h"

namespace framemill::scheduler::store {
namespace {

constexpr std::uint32_t kPageMax = 4096;
constexpr std::uint32_t kPageWithTailsMax = 64;  // of up to 16 KiB each

using Deliver = std::function<void(std::function<void()>)>;

// The callback, called where callbacks are delivered to.
template <class... Values>
std::function<void(Values...)> deliver_through(const Deliver& deliver, std::function<void(Values...)> callback) {
  if (!deliver || !callback) return callback;
  return [deliver, callback = std::move(callback)](Values... values) {
    deliver([callback, ... values = std::move(values)]() mutable { callback(std::move(values)...); });
  };
}

}  // namespace

base::Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& path, StoreOptions options) {
  const Deliver deliver = options.deliver;
  options.on_disk_full = deliver_through(deliver, std::move(options.on_disk_full));
  options.on_disk_recovered = deliver_through(deliver, std::move(options.on_disk_recovered));
  options.on_fatal = deliver_through(deliver, std::move(options.on_fatal));
  FM_ASSIGN(Database database, open_database(path, {options.epoch_nonce, options.ballast_bytes}));
  auto impl = std::make_unique<Impl>(std::move(database), std::move(options));
  FM_TRY(impl->prepare());
  impl->start();
  return std::unique_ptr<Store>(new Store(std::move(impl), deliver));
}

Store::Store(std::unique_ptr<Impl> impl, Deliver deliver) : deliver_(std::move(deliver)), impl_(std::move(impl)) {}
Store::~Store() = default;

jobs::Epoch Store::epoch() const {
  return impl_->epoch();
}

const EpochHistory& Store::epoch_history() const {
  return impl_->epoch_history();
}

base::Result<LoadedState> Store::load() {
  return impl_->load();
}

base::Status Store::write_turns(std::vector<Persist> turns, std::function<void(WriteResult)> done) {
  return impl_->write(std::move(turns), deliver_through(deliver_, std::move(done)));
}

base::Status Store::write(Persist turn, std::function<void(WriteResult)> done) {
  std::vector<Persist> turns;
  turns.push_back(std::move(turn));
  return impl_->write(std::move(turns), deliver_through(deliver_, std::move(done)));
}

base::Status Store::files_of(PhaseId phase, TaskRange tasks, Callback<std::vector<CommitRecord>> done) {
  if (tasks.count > kPageMax)
    return base::error_of(StoreError::Busy,
                          fmt::format("files of {} tasks requested at once; the limit is {}", tasks.count, kPageMax),
                          "", "ask for less");
  return impl_->read<std::vector<CommitRecord>>([=](HistoryReader& history) { return history.files_of(phase, tasks); },
                                                deliver_through(deliver_, std::move(done)));
}

base::Status Store::commits_of(JobId job, CommitCursor from, std::uint32_t limit, Reads reads,
                               Callback<std::vector<CommittedTask>> done) {
  limit = std::clamp(limit, 1u, kPageMax);
  return impl_->read<std::vector<CommittedTask>>(
      [=](HistoryReader& history) { return history.commits_of(job, from, limit, reads); }, std::move(done));
}

base::Status Store::attempts_of(JobId job, AttemptCursor from, std::uint32_t limit, OutputTails tails,
                                Callback<std::vector<AttemptRecord>> done) {
  limit = std::clamp(limit, 1u, tails == OutputTails::Include ? kPageWithTailsMax : kPageMax);
  return impl_->read<std::vector<AttemptRecord>>(
      [=](HistoryReader& history) { return history.attempts_of(job, from, limit, tails); }, std::move(done));
}

base::Status Store::files_of_attempts(std::vector<AttemptRecord> attempts, std::uint32_t limit,
                                      Callback<std::vector<AttemptFiles>> done) {
  if (attempts.size() > kPageWithTailsMax)
    return base::error_of(StoreError::Range, fmt::format("at most {} attempts", kPageWithTailsMax));
  limit = std::clamp(limit, 1u, kPageWithTailsMax);
  return impl_->read<std::vector<AttemptFiles>>(
      [attempts = std::move(attempts), limit](HistoryReader& history) {
        return history.files_of_attempts(attempts, limit);
      },
      std::move(done));
}

base::Status Store::audit(std::uint64_t first, std::uint32_t limit, Callback<std::vector<AuditRecord>> done) {
  limit = std::clamp(limit, 1u, kPageMax);
  return impl_->read<std::vector<AuditRecord>>([=](HistoryReader& history) { return history.audit(first, limit); },
                                               deliver_through(deliver_, std::move(done)));
}

base::Status Store::backup(std::filesystem::path path, Callback<std::uint64_t> done) {
  return impl_->backup(std::move(path), deliver_through(deliver_, std::move(done)));
}

StoreCounters Store::counters() const {
  return impl_->counters();
}

}  // namespace framemill::scheduler::store
