#include "scheduler/daemon/upkeep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "config/settings.h"
#include "scheduler/daemon/backup_files.h"
#include "scheduler/store/maintenance.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler {
namespace {

using store::StoreError;

base::Error copying_already() {
  return base::error_of(StoreError::Busy, "the store is being copied already", "", "try again when that is done");
}

template <class T>
ReloadedFile outcome_of(const char* what, const std::filesystem::path& path, const base::Result<T>& read,
                        std::size_t entries) {
  ReloadedFile file{what, path.string(), entries, {}};
  if (!read.ok()) file.refused = read.error();
  return file;
}

// Settings are read at the start alone. A slip in them is better found now than at the next start, and what was changed
// must not be taken for being in force.
ReloadedFile look_at_settings(const SchedulerConfig& config) {
  const auto fresh = read_scheduler_config(config.file);
  const std::vector<std::string> changed = fresh.ok() ? changed_keys(config, *fresh) : std::vector<std::string>();
  ReloadedFile file = outcome_of("changed settings", config.file, fresh, changed.size());
  if (!changed.empty())
    file.note = fmt::format("restart the scheduler to use what was changed: {}", fmt::join(changed, ", "));
  return file;
}

}  // namespace

bool reloaded_whole(const std::vector<ReloadedFile>& files) {
  return std::none_of(files.begin(), files.end(), [](const ReloadedFile& file) { return file.refused.has_value(); });
}

std::string reload_text(const std::vector<ReloadedFile>& files) {
  std::string text;
  for (const ReloadedFile& file : files) {
    if (!text.empty()) text += "; ";
    text += file.refused ? fmt::format("{} cannot be used and was not read again: {}{}{}", file.path,
                                       config::first_line(file.refused->message),
                                       file.refused->hint.empty() ? "" : "; ", file.refused->hint)
                         : fmt::format("{} {}{}{}", file.entries, file.what, file.note.empty() ? "" : ": ", file.note);
  }
  return text;
}

Upkeep::Upkeep(Parts parts, const SchedulerConfig& config)
    : parts_(std::move(parts)), config_(config), backups_(config.backups()) {}

Upkeep::~Upkeep() {
  close();
}

void Upkeep::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  give_up_ = true;
  if (checker_.joinable()) checker_.join();
}

std::vector<ReloadedFile> Upkeep::reload_now(const std::string& who) {
  std::vector<ReloadedFile> files;
  auto workers = net::read_public_keys(config_.workers_file);
  files.push_back(outcome_of("worker keys", config_.workers_file, workers, workers.ok() ? workers->size() : 0));
  if (workers.ok()) {
    std::vector<net::CurvePublicKey> keys;
    for (const net::NamedPublicKey& entry : *workers) keys.push_back(entry.key);
    parts_.use_workers(std::move(keys));
  }
  auto tokens = TokenTable::read(config_.tokens_file);
  files.push_back(outcome_of("tokens", config_.tokens_file, tokens, tokens.ok() ? tokens->size() : 0));
  if (tokens.ok()) parts_.use_tokens(*std::move(tokens));

  if (!config_.file.empty()) files.push_back(look_at_settings(config_));

  const std::string text = reload_text(files);
  if (reloaded_whole(files)) {
    base::log_info("scheduler", "read again for {}: {}", who, text);
    parts_.say_status("ready");
  } else {
    base::log_error("scheduler", "read again for {}: {}", who, text);
    parts_.say_status("ready, but a reload failed: " + text);
  }
  return files;
}

void Upkeep::reload(const std::string& principal, Reply<std::vector<ReloadedFile>> reply) {
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_), principal, reply = std::move(reply)] {
    if (!alive.expired()) reply(reload_now(principal));
  });
}

void Upkeep::copy_store(const std::string& principal, Copy copy, Reply<StoreCopy> reply) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return reply(base::error_of(StoreError::Stopped, "the scheduler is stopping"));
    if (std::exchange(copying_, true)) return reply(copying_already());
  }
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_), principal, copy, reply = std::move(reply)]() mutable {
    if (!alive.expired()) start_copy(principal, copy, std::move(reply));
  });
}

void Upkeep::start_copy(const std::string& principal, Copy copy, Reply<StoreCopy> reply) {
  const auto answer = [this](const Reply<StoreCopy>& to, base::Error error) {
    base::log_error("store", "the store was not copied: {}", error.message);
    {
      const std::lock_guard lock(mutex_);
      copying_ = false;
      if (is(error, StoreError::Corrupt)) damage_ = error.message;
    }
    to(std::move(error));
  };
  if (checker_.joinable()) checker_.join();  // of the copy before, which is done: it says so last
  if (const base::Status made = make_backup_directory(backups_); !made.ok()) return answer(reply, made.error());
  const base::WallTime time = base::wall_now();
  const std::filesystem::path file = unchecked_copy(backups_, time);
  base::log_info("store", "{} orders a {} of the store", principal, copy == Copy::Keep ? "backup" : "check");
  const base::Status begun = parts_.copy_store(file, [this, answer, alive = std::weak_ptr<bool>(alive_), file, time,
                                                      copy, reply](base::Result<std::uint64_t> size) {
    if (alive.expired()) return;
    if (!size.ok()) return answer(reply, size.error());
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    checker_ = std::thread([=, this, bytes = *size] { check_copy(file, bytes, time, copy, reply); });
  });
  if (!begun.ok()) answer(reply, begun.error());
}

void Upkeep::check_copy(const std::filesystem::path& file, std::uint64_t size_bytes, base::WallTime time, Copy copy,
                        const Reply<StoreCopy>& reply) {
  base::Result<StoreCopy> made = judge(file, size_bytes, time, copy);
  if (made.ok())
    base::log_info("store", "checked whole up to batch {}: {} commits in {} batches{}{}", made->durable_sequence,
                   made->commits, made->batches, made->file.empty() ? "" : "; backup ", made->file);
  else
    base::log_error("store", "{}", made.error().message);
  {
    const std::lock_guard lock(mutex_);
    copying_ = false;
    if (made.ok()) {
      last_copy_ = *made;
      damage_.clear();
    } else if (is(made, StoreError::Corrupt)) {
      damage_ = made.error().message;
    }
    if (closed_) return;
  }
  reply(std::move(made));
}

base::Result<StoreCopy> Upkeep::judge(const std::filesystem::path& file, std::uint64_t size_bytes, base::WallTime time,
                                      Copy copy) {
  const auto report = store::verify_copy(file, give_up_);
  std::error_code ignored;
  if (!report.ok() || !report->whole() || copy == Copy::CheckAlone) std::filesystem::remove(file, ignored);
  if (!report.ok()) return report.error();
  if (!report->whole())
    return base::error_of(StoreError::Corrupt, "the store is damaged: " + report->findings.front(), "",
                          "stop the scheduler, run framemill-scheduler verify, restore a backup");
  StoreCopy made{"", size_bytes, report->durable_sequence, report->batches_checked, report->commits_checked, time};
  if (copy == Copy::CheckAlone) return made;
  const std::filesystem::path target = checked_copy(backups_, time, made.durable_sequence);
  std::error_code fault;
  std::filesystem::rename(file, target, fault);
  if (fault)
    return base::error_of(StoreError::File, fmt::format("name the backup {}: {}", target.string(), fault.message()));
  FM_TRY(base::sync_directory(backups_));
  rotate_backups(backups_, config_.backups_kept);
  made.file = target.string();
  return made;
}

StoreFigures Upkeep::figures() const {
  const store::StoreCounters counters = parts_.counters();
  StoreFigures figures;
  figures.durable_sequence = counters.durable_sequence;
  figures.transactions = counters.transactions;
  figures.batches = counters.batches;
  figures.records = counters.records;
  figures.last_commit_us = counters.last_commit_us;
  figures.wal_bytes = counters.wal_bytes;
  figures.batches_queued = counters.batches_queued;
  figures.disk_full = counters.disk_full;
  const std::lock_guard lock(mutex_);
  figures.last_copy = last_copy_;
  figures.damage = damage_;
  return figures;
}

}  // namespace framemill::scheduler
