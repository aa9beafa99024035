#include "worker/daemon/storage.h"

#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "worker/supervisor/manifest_writer.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kLeftAttemptsMax = 20'000;

FinishedTask recovered(const jobs::AttemptId& attempt, const wire::FinishedTask& task) {
  return {attempt,
          {JobId(task.job()), task.phase()},
          task.task(),
          static_cast<std::uint32_t>(task.files_size()),
          task.duration_us(),
          task.SerializeAsString()};
}

}  // namespace

Storage::Storage(net::EventLoop& loop, StorageSettings settings, std::function<void(Event)> happen)
    : loop_(loop), settings_(std::move(settings)), happen_(std::move(happen)), alive_(std::make_shared<bool>(true)) {}

Storage::~Storage() {
  *alive_ = false;
}

// Runs `work` on the I/O thread and `then` with its result on the loop. False: the queue is full.
template <class Work, class Then>
bool Storage::run(Work work, Then then) {
  return io_.submit([&loop = loop_, alive = alive_, work = std::move(work), then = std::move(then)]() mutable {
    auto result = std::make_shared<decltype(work())>(work());
    loop.post([alive, result, then] {
      if (*alive) then(std::move(*result));
    });
  });
}

// --- roots -----------------------------------------------------------------------------------------------------------

Storage::Look Storage::look(const std::map<std::string, std::filesystem::path>& roots) {
  Look look;
  for (const auto& [name, path] : roots) {
    wire::Root& state = look.states.emplace_back();
    state.set_name(name);
    auto root = RootDirectory::open(name, path);
    if (!root.ok()) {
      look.problems.push_back(root.error());
      continue;
    }
    state.set_usable((*root)->writable());
    state.set_free_bytes((*root)->free_bytes());
    if (!state.usable())
      look.problems.push_back(
          {"root.read_only", fmt::format("root {}: {} cannot be written", name, path.string()), "", ""});
    look.table.emplace(name, std::move(*root));
  }
  return look;
}

void Storage::take(Look look) {
  bool changed = look.states.size() != states_.size();
  for (std::size_t i = 0; !changed && i < states_.size(); ++i) {
    const std::uint64_t before = states_[i].free_bytes(), now = look.states[i].free_bytes();
    const std::uint64_t difference = before > now ? before - now : now - before;
    changed = states_[i].usable() != look.states[i].usable() || difference > before / 16;
  }
  std::map<std::string, std::string> problems;
  for (const base::Error& error : look.problems) problems[error.message] = error.hint;
  for (const auto& [text, hint] : problems)
    if (!told_.contains(text)) base::log_warning("storage", "{}{}{}", text, hint.empty() ? "" : "; ", hint);
  told_ = std::move(problems);
  roots_ = std::move(look.table);
  if (!changed) return;
  states_ = std::move(look.states);
  happen_(InventoryChanged{});
}

void Storage::refresh() {
  if (refreshing_) return;  // a root that hangs must not fill the queue
  refreshing_ = run([roots = settings_.roots] { return look(roots); },
                    [this](Look look) {
                      refreshing_ = false;
                      take(std::move(look));
                    });
}

std::vector<TaskRecovered> Storage::open() {
  take(look(settings_.roots));
  std::vector<TaskRecovered> tasks;
  for (const auto& [name, root] : roots_) {
    const auto found = find_left_attempts(*root, settings_.owner, kLeftAttemptsMax);
    if (!found.ok()) {
      base::log_warning("storage", "root {}: {}", name, found.error().message);
      continue;
    }
    for (const FoundAttempt& attempt : *found) {
      // Nothing is swept yet: another process of this worker's key may live and be at work in it. The scheduler knows.
      const auto published = is_published(*root, attempt.attempt, settings_.owner);
      if (published.ok() && *published) continue;
      base::log_info("storage", "attempt {} of an earlier run left {} finished tasks to deliver",
                     attempt.attempt.text(), attempt.finished.size());
      for (const wire::FinishedTask& task : attempt.finished) tasks.push_back({recovered(attempt.attempt, task)});
    }
  }
  return tasks;
}

void Storage::sweep_left(std::function<bool(const AttemptId&)> held) {
  run(
      [roots = roots_, owner = settings_.owner] {
        std::set<AttemptId> left;
        for (const auto& [name, root] : roots) {
          const auto found = find_left_attempts(*root, owner, kLeftAttemptsMax);
          if (!found.ok()) continue;
          for (const FoundAttempt& attempt : *found) left.insert(attempt.attempt);
        }
        return left;
      },
      [this, held = std::move(held)](const std::set<AttemptId>& left) {
        // Asked now and not when the list was made: an attempt that began in between is held.
        for (const AttemptId& attempt : left)
          if (!held(attempt)) sweep_if_published(attempt);
      });
}

// --- attempts --------------------------------------------------------------------------------------------------------

void Storage::prepare(const AttemptId& attempt, const wire::Grant& grant) {
  const auto root = roots_.find(grant.recipe().root());
  const auto refuse = [&](jobs::Outcome outcome, const std::string& code, const std::string& text) {
    happen_(StagingPrepared{attempt, outcome, code, text});
  };
  if (root == roots_.end())
    return refuse(jobs::Outcome::NotAdmitted, "root.missing",
                  fmt::format("This host does not see the root {}.", grant.recipe().root()));
  const bool taken =
      run([root = root->second, attempt, grant,
           owner = settings_.owner] { return prepare_staging(*root, attempt, grant, owner); },
          [this, attempt](const base::Status& status) {
            if (status.ok()) return happen_(StagingPrepared{attempt, {}, "", ""});
            const bool full = status.error().code == "storage_full";
            happen_(StagingPrepared{attempt, full ? jobs::Outcome::StorageFull : jobs::Outcome::NotAdmitted,
                                    status.error().code, status.error().message});
          });
  if (!taken) refuse(jobs::Outcome::NotAdmitted, "worker.busy", "The worker's storage queue is full.");
}

void Storage::publish(const PublishDuty& duty, const wire::PublishOrder& order) {
  const auto root = roots_.find(order.root());
  if (root == roots_.end())
    return happen_(DutyFailed{duty, "publish.root", fmt::format("This host does not see the root {}.", order.root())});
  const bool taken = run(
      [root = root->second, order, settings = settings_.publish]() -> base::Status {
        FM_TRY(worker::publish(*root, order, settings));
        return order.on_record() ? keep_on_record(*root, order) : base::Status{};
      },
      [this, duty](const base::Status& status) {
        if (status.ok()) return happen_(DutyPublished{duty});
        base::log_warning("storage", "publish {} tasks {}+{}: {}", duty.attempt.text(), duty.tasks.first,
                          duty.tasks.count, status.error().message);
        happen_(DutyFailed{duty, status.error().code, status.error().message});
      });
  if (!taken) happen_(DutyFailed{duty, "worker.busy", "The worker's storage queue is full."});
}

void Storage::write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order) {
  const auto root = roots_.find(order.root());
  if (root == roots_.end())
    return happen_(
        ManifestDone{{duty, "publish.root", fmt::format("This host does not see the root {}.", order.root())}});
  const bool taken = children_io_.submit([&loop = loop_, alive = alive_, root = root->second, duty, order,
                                          settings = settings_.publish, happen = happen_] {
    const base::Status status = worker::write_manifest(*root, order, settings);
    ManifestDone done{{duty, "", ""}};
    if (!status.ok()) {
      base::log_warning("storage", "manifest of job {} in {}: {}", duty.job.value, order.directory(),
                        status.error().message);
      done.result = {duty, status.error().code, status.error().message};
    }
    loop.post([alive, done, happen] {
      if (*alive) happen(done);
    });
  });
  if (!taken) happen_(ManifestDone{{duty, "worker.busy", "The worker's storage queue is full."}});
}

void Storage::discard(JobId job, const std::vector<std::string>& roots) {
  const std::set<std::string> wanted(roots.begin(), roots.end());
  run(
      [table = roots_, wanted, job, owner = settings_.owner] {
        for (const auto& [name, root] : table) {
          if (!wanted.empty() && !wanted.contains(name)) continue;
          const auto status = discard_job(*root, job.value, owner);
          if (!status.ok())
            base::log_warning("storage", "discard job {} in {}: {}", job.value, name, status.error().message);
        }
        return true;
      },
      [this, job](bool) { happen_(JobDiscarded{job}); });
}

void Storage::sweep(const AttemptId& attempt) {
  run(
      [roots = roots_, attempt] {
        for (const auto& [name, root] : roots) (void)sweep_staging(*root, attempt).ok();
        return true;
      },
      [](bool) {});
}

void Storage::sweep_if_published(const AttemptId& attempt) {
  run(
      [roots = roots_, owner = settings_.owner, attempt] {
        for (const auto& [name, root] : roots) {
          const auto swept = worker::sweep_if_published(*root, attempt, owner);
          if (!swept.ok()) base::log_debug("storage", "sweep {}: {}", attempt.text(), swept.error().message);
        }
        return true;
      },
      [](bool) {});
}

}  // namespace framemill::worker
