#include "worker/daemon/storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/error_text.h"
#include "base/log.h"
#include "base/os_error.h"
#include "base/sha256.h"
#include "jobs/attempt_error.h"
#include "jobs/publish_error.h"
#include "worker/supervisor/manifest_writer.h"
#include "worker/supervisor/staging.h"
#include "worker/supervisor/unique_fd.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kLeftAttemptsMax = 20'000;
constexpr base::Duration kFirstLookWithin = base::seconds(10);

FinishedTask recovered(const jobs::AttemptId& attempt, const wire::FinishedTask& task) {
  return {attempt,
          {JobId(task.job()), task.phase()},
          task.task(),
          static_cast<std::uint32_t>(task.files_size()),
          task.duration_us(),
          task.SerializeAsString()};
}

StagedAttempt staged_attempt(const FoundAttempt& found) {
  StagedAttempt staged;
  staged.attempt = found.attempt;
  for (const wire::FinishedTask& task : found.finished) {
    staged.phase = {JobId(task.job()), task.phase()};  // one for all of an attempt
    staged.tasks.push_back(task.task());
  }
  return staged;
}

std::vector<TaskRecovered> recover(const RootDirectory& root, const std::string& owner) {
  std::vector<TaskRecovered> tasks;
  const auto found = find_left_attempts(root, owner, kLeftAttemptsMax);
  if (!found.ok()) {
    base::log_warning("storage", "root {}: {}", root.name(), found.error().message);
    return tasks;
  }
  for (const FoundAttempt& attempt : *found) {
    // Nothing is swept yet: another process of this worker's key may live and be at work in it. The scheduler knows.
    const auto published = is_published(root, attempt.attempt, owner);
    if (published.ok() && *published) continue;
    base::log_info("storage", "attempt {} of an earlier run left {} finished tasks to deliver", attempt.attempt.text(),
                   attempt.finished.size());
    for (const wire::FinishedTask& task : attempt.finished) tasks.push_back({recovered(attempt.attempt, task)});
  }
  return tasks;
}

// Reading a frozen file system works, writing waits: so every look writes, a time stamp of a file that holds nothing. A
// full disk does not matter here.
void touch_own_file(const RootDirectory& root, const std::string& owner) {
  const auto directory = root.open_directory(".framemill/alive", MakeDirectories::Yes);
  if (!directory.ok()) return;
  const std::string name = base::sha256(owner).hex().substr(0, 16);
  const UniqueFd file(::openat(directory->get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file) (void)!::futimens(file.get(), nullptr);
}

std::string give_id(const RootDirectory& root) {
  const auto id = root.give_id();
  if (id.ok()) return *id;
  base::log_warning("storage", "root {} has no id yet: {}", root.name(), id.error().message);
  return {};
}

base::Error no_root(const std::string& root) {
  return base::error_of(jobs::AttemptError::RootMissing, fmt::format("This host does not see the root {}", root), "",
                        "mount it there; the worker's log says what is wrong");
}

}  // namespace

RootLook look_at_root(const std::string& name, const StorageSettings& settings) {
  RootLook look;
  look.state.set_name(name);
  look.state.set_tells_more(true);
  const bool read_only = settings.read_only.contains(name);
  auto root =
      RootDirectory::open(name, settings.roots.at(name), std::make_shared<const base::RootPaths>(settings.roots));
  if (!root.ok()) {
    look.problem = root.error();
  } else {
    look.directory = *root;
    const bool writable = !read_only && (*root)->writable();
    if (writable) touch_own_file(**root, settings.owner);
    look.state.set_readable(true);
    look.state.set_read_only(read_only);
    look.state.set_usable(writable);
    look.state.set_free_bytes((*root)->free_bytes());
    look.state.set_id((*root)->id().empty() && writable ? give_id(**root) : (*root)->id());
    // There before an executor starts: it may write in what was there then.
    if (writable)
      if (auto tree = attempts_tree(**root, MakeDirectories::Yes); tree.ok()) look.attempts = std::move(*tree);
    if (writable && settings.previews)
      if (auto tree = previews_tree(**root, MakeDirectories::Yes); tree.ok()) look.previews = std::move(*tree);
    if (!writable && !read_only)
      look.problem = base::Error{"root.read_only",
                                 fmt::format("root {}: {} cannot be written by this user: it serves inputs alone", name,
                                             (*root)->path().string()),
                                 "",
                                 fmt::format("if this is intended: roots.{} = {{path = \"{}\", access = \"read\"}}",
                                             name, (*root)->path().string())};
  }
  if (look.problem) look.state.set_problem(look.problem->message);
  return look;
}

Storage::Storage(net::EventLoop& loop, StorageSettings settings, std::function<void(Event)> happen)
    : loop_(loop), settings_(std::make_shared<const StorageSettings>(std::move(settings))), happen_(std::move(happen)),
      alive_(std::make_shared<std::atomic<bool>>(true)) {
  for (const auto& [name, path] : settings_->roots) lanes_[name] = std::make_unique<Lane>();
}

Storage::~Storage() {
  *alive_ = false;
  for (auto& [name, lane] : lanes_)
    for (IoThread* thread : {&lane->io, &lane->manifests, &lane->looks})
      if (lane->hangs || thread->busy_for() > settings_->hangs_after) thread->leave();
}

bool Storage::hangs() const {
  for (const auto& [name, lane] : lanes_)
    if (lane->hangs || (lane->looking && base::monotonic_now() - lane->began > settings_->hangs_after)) return true;
  return false;
}

// Runs `work` on the thread and `then` with its result on the loop. False: the queue is full.
template <class Work, class Then>
bool Storage::run(IoThread& thread, Work work, Then then) {
  return thread.submit([&loop = loop_, alive = alive_, work = std::move(work), then = std::move(then)]() mutable {
    auto result = std::make_shared<decltype(work())>(work());
    if (!*alive) return;
    loop.post([alive, result, then] {
      if (*alive) then(std::move(*result));
    });
  });
}

Storage::Lane* Storage::lane_of(const std::string& root) {
  const auto lane = lanes_.find(root);
  return lane == lanes_.end() || !roots_.contains(root) ? nullptr : lane->second.get();
}

// --- roots -----------------------------------------------------------------------------------------------------------

Storage::Looked Storage::look(const std::string& name, const StorageSettings& settings, bool first) {
  Looked looked{look_at_root(name, settings), {}};
  if (first && looked.look.state.usable()) looked.recovered = recover(*looked.look.directory, settings.owner);
  return looked;
}

void Storage::begin_look(const std::string& name, Lane& lane) {
  lane.began = base::monotonic_now();
  lane.looking = run(
      lane.looks, [settings = settings_, name, first = !lane.looked] { return look(name, *settings, first); },
      [this, name](Looked looked) { take(name, std::move(looked)); });
}

void Storage::take(const std::string& name, Looked looked) {
  Lane& lane = *lanes_.at(name);
  const wire::Root &before = lane.last.state, &now = looked.look.state;
  const std::uint64_t difference = before.free_bytes() > now.free_bytes() ? before.free_bytes() - now.free_bytes()
                                                                          : now.free_bytes() - before.free_bytes();
  const bool changed = !lane.looked || lane.hangs || before.usable() != now.usable() ||
                       before.readable() != now.readable() || before.problem() != now.problem() ||
                       before.id() != now.id() || difference > before.free_bytes() / 16;
  if (lane.hangs) base::log_warning("storage", "root {} answers again", name);
  lane.looking = lane.hangs = false;
  lane.looked = true;
  lane.last = std::move(looked.look);
  if (lane.last.directory)
    roots_[name] = lane.last.directory;
  else
    roots_.erase(name);
  tell(lane, lane.last.problem);
  for (TaskRecovered& task : looked.recovered) happen_(std::move(task));
  if (changed) happen_(InventoryChanged{});
}

void Storage::tell(Lane& lane, const std::optional<base::Error>& problem) {
  const std::string text = problem ? problem->message : "";
  if (text != lane.told && problem)
    base::log_warning("storage", "{}{}{}", text, problem->hint.empty() ? "" : "; ", problem->hint);
  lane.told = text;
}

void Storage::notice_hanging(const std::string& name, Lane& lane) {
  if (lane.hangs || base::monotonic_now() - lane.began <= settings_->hangs_after) return;
  lane.hangs = true;
  roots_.erase(name);
  const std::string path = settings_->roots.at(name).string();
  const base::Error problem{"root.hangs", fmt::format("root {}: the storage at {} does not answer", name, path), "",
                            "see what is wrong with the mount; the root is used again as soon as it answers"};
  lane.last.state.set_name(name);
  lane.last.state.set_tells_more(true);
  lane.last.state.set_usable(false);
  lane.last.state.set_readable(false);
  lane.last.state.set_problem(problem.message);
  base::log_error("storage", "{}; {}", problem.message, problem.hint);
  lane.told = problem.message;
  happen_(InventoryChanged{});
}

void Storage::refresh() {
  for (auto& [name, lane] : lanes_) {
    if (lane->looking)
      notice_hanging(name, *lane);
    else
      begin_look(name, *lane);
  }
}

std::vector<wire::Root> Storage::states() const {
  std::vector<wire::Root> states;
  for (const auto& [name, lane] : lanes_) {
    wire::Root& state = states.emplace_back(lane->last.state);
    state.set_name(name);
    state.set_tells_more(true);
    if (!lane->looked && !lane->hangs) state.set_problem("the root has not answered yet");
  }
  return states;
}

// What the first looks found while the start waits for them; what comes later goes the ordinary way.
struct Storage::FirstLook {
  std::mutex mutex;
  std::condition_variable wake;
  std::map<std::string, Looked> found;
  bool over = false;
};

std::vector<TaskRecovered> Storage::open() {
  const auto first = std::make_shared<FirstLook>();
  for (auto& [name, lane] : lanes_) {
    lane->looking = true;
    lane->began = base::monotonic_now();
    lane->looks.submit([this, &loop = loop_, alive = alive_, settings = settings_, first, name = name] {
      Looked looked = look(name, *settings, true);
      std::unique_lock lock(first->mutex);
      if (!first->over) {
        first->found.emplace(name, std::move(looked));
        first->wake.notify_one();
        return;
      }
      lock.unlock();
      if (!*alive) return;
      loop.post([this, alive, name, late = std::make_shared<Looked>(std::move(looked))] {
        if (*alive) take(name, std::move(*late));
      });
    });
  }
  std::unique_lock lock(first->mutex);
  first->wake.wait_for(lock, std::chrono::milliseconds(kFirstLookWithin.ms),
                       [&] { return first->found.size() == lanes_.size(); });
  first->over = true;
  std::vector<TaskRecovered> tasks;
  for (auto& [name, looked] : first->found) {
    for (TaskRecovered& task : looked.recovered) tasks.push_back(std::move(task));
    looked.recovered.clear();
    take(name, std::move(looked));
  }
  return tasks;
}

void Storage::sweep_left(std::function<bool(const AttemptId&)> held) {
  for (const auto& [name, root] : roots_) {
    run(
        lanes_.at(name)->io,
        [root = root, owner = settings_->owner] {
          std::vector<StagedAttempt> left;
          const auto found = find_left_attempts(*root, owner, kLeftAttemptsMax);
          if (!found.ok()) return left;
          for (const FoundAttempt& attempt : *found) left.push_back(staged_attempt(attempt));
          return left;
        },
        [this, held, name = name](const std::vector<StagedAttempt>& left) {
          // Asked now and not when the list was made: an attempt that began in between is held.
          for (const StagedAttempt& staged : left)
            if (!held(staged.attempt)) sweep_or_tell(name, staged);
        });
  }
}

void Storage::sweep_or_tell(const std::string& root_name, const StagedAttempt& staged) {
  const auto root = roots_.find(root_name);
  if (root == roots_.end()) return;
  run(
      lanes_.at(root_name)->io,
      [root = root->second, owner = settings_->owner, attempt = staged.attempt] {
        return worker::sweep_if_published(*root, attempt, owner);
      },
      [this, staged](const base::Result<bool>& swept) {
        if (!swept.ok())
          base::log_debug("storage", "sweep {}: {}", staged.attempt.text(), swept.error().message);
        else if (!*swept && !staged.tasks.empty())
          happen_(StagingLeft{staged});
      });
}

// --- attempts --------------------------------------------------------------------------------------------------------

void Storage::prepare(const AttemptId& attempt, const wire::Grant& grant) {
  const auto refuse = [&](jobs::Outcome outcome, const base::Error& error) {
    happen_(StagingPrepared{attempt, outcome, error.code, base::text_with_hint(error)});
  };
  Lane* lane = lane_of(grant.recipe().root());
  if (lane == nullptr) return refuse(jobs::Outcome::NotAdmitted, no_root(grant.recipe().root()));
  const bool taken = run(
      lane->io,
      [root = roots_.at(grant.recipe().root()), attempt, grant, owner = settings_->owner]() -> base::Result<Tree> {
        FM_TRY(check_output_directory(*root, grant));
        if (const auto made = prepare_staging(*root, attempt, grant, owner); !made.ok())
          return as_storage_failure(made.error());
        return attempts_tree(*root, MakeDirectories::No);
      },
      [this, attempt, lane](const base::Result<Tree>& status) {
        // Somebody may have removed the farm's directory, and this attempt made it anew: executors must learn of it.
        if (status.ok()) lane->last.attempts = *status;
        if (status.ok()) return happen_(StagingPrepared{attempt, {}, "", ""});
        jobs::Outcome outcome = jobs::Outcome::NotAdmitted;
        if (is(status, base::SystemError::StorageFull)) outcome = jobs::Outcome::StorageFull;
        if (is(status, jobs::AttemptError::OutputLink)) outcome = jobs::Outcome::Failed;
        happen_(StagingPrepared{attempt, outcome, status.error().code, base::text_with_hint(status.error())});
      });
  if (!taken) refuse(jobs::Outcome::NotAdmitted, {"worker.busy", "The worker's storage queue is full.", "", ""});
}

std::vector<Tree> Storage::attempts_trees() const {
  std::vector<Tree> trees;
  for (const auto& [name, lane] : lanes_)
    if (lane->last.attempts && roots_.contains(name)) trees.push_back(*lane->last.attempts);
  return trees;
}

std::vector<Tree> Storage::previews_trees() const {
  std::vector<Tree> trees;
  for (const auto& [name, lane] : lanes_)
    if (lane->last.previews && roots_.contains(name)) trees.push_back(*lane->last.previews);
  return trees;
}

void Storage::sweep_previews(base::WallTime since) {
  for (const auto& [name, root] : roots_)
    run(
        lanes_.at(name)->manifests, [root = root, since] { return remove_old_previews(*root, since); },
        [](const base::Result<std::size_t>& removed) {
          if (removed.ok() && *removed > 0) base::log_info("previews", "removed the previews of {} old jobs", *removed);
        });
}

void Storage::publish(const PublishDuty& duty, const wire::PublishOrder& order) {
  Lane* lane = lane_of(order.root());
  if (lane == nullptr)
    return happen_(DutyFailed{duty, std::string(text_of(jobs::PublishError::Root)),
                              base::text_with_hint(no_root(order.root())), order.root()});
  const bool taken = run(
      lane->io,
      [root = roots_.at(order.root()), order, settings = settings_]() -> base::Status {
        FM_TRY(worker::publish(*root, order, settings->publish));
        if (order.has_remake()) FM_TRY(amend_manifest(*root, order, settings->publish));
        return order.on_record() ? keep_on_record(*root, order) : base::Status{};
      },
      [this, duty, name = order.root(),
       told = published_ ? std::make_shared<const wire::PublishOrder>(order) : nullptr](const base::Status& status) {
        if (status.ok()) {
          happen_(DutyPublished{duty, name});
          if (told) published_(*told);
          return;
        }
        base::log_warning("storage", "publish {} tasks {}+{}: {}", duty.attempt.text(), duty.tasks.first,
                          duty.tasks.count, status.error().message);
        happen_(DutyFailed{duty, status.error().code, base::text_with_hint(status.error()), name});
      });
  if (!taken) happen_(DutyFailed{duty, "worker.busy", "The worker's storage queue is full.", order.root()});
}

void Storage::write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order) {
  Lane* lane = lane_of(order.root());
  if (lane == nullptr)
    return happen_(ManifestDone{
        {duty, std::string(text_of(jobs::PublishError::Root)), base::text_with_hint(no_root(order.root()))}});
  const bool taken = run(
      lane->manifests,
      [root = roots_.at(order.root()), order, settings = settings_] {
        return worker::write_manifest(*root, order, settings->publish);
      },
      [this, duty, directory = order.directory()](const base::Status& status) {
        if (status.ok()) return happen_(ManifestDone{{duty, "", ""}});
        base::log_warning("storage", "manifest of job {} in {}: {}", duty.job.value, directory, status.error().message);
        happen_(ManifestDone{{duty, status.error().code, base::text_with_hint(status.error())}});
      });
  if (!taken) happen_(ManifestDone{{duty, "worker.busy", "The worker's storage queue is full."}});
}

void Storage::discard(JobId job, const std::vector<std::string>& roots) {
  const std::set<std::string> wanted(roots.begin(), roots.end());
  const auto left = std::make_shared<std::size_t>(1);
  const auto one_done = [this, job, left](bool) {
    if (--*left == 0) happen_(JobDiscarded{job});
  };
  for (const auto& [name, root] : roots_) {
    if (!wanted.empty() && !wanted.contains(name)) continue;
    *left += 1;
    const bool taken = run(
        lanes_.at(name)->io,
        [root = root, job, owner = settings_->owner] {
          const auto status = discard_job(*root, job.value, owner);
          if (!status.ok())
            base::log_warning("storage", "discard job {} in {}: {}", job.value, root->name(), status.error().message);
          return true;
        },
        one_done);
    if (!taken) *left -= 1;
  }
  one_done(true);
}

void Storage::sweep(const AttemptId& attempt) {
  for (const auto& [name, root] : roots_)
    run(lanes_.at(name)->io, [root = root, attempt] { return sweep_staging(*root, attempt).ok(); }, [](bool) {});
}

void Storage::drop_task(const AttemptId& attempt, jobs::TaskIndex task) {
  for (const auto& [name, root] : roots_)
    run(
        lanes_.at(name)->io,
        [root = root, attempt, task] {
          const base::Status dropped = drop_done(*root, attempt, task);
          if (!dropped.ok())
            base::log_debug("storage", "drop task {} of {}: {}", task, attempt.text(), dropped.error().message);
          return true;
        },
        [](bool) {});
}

void Storage::sweep_if_published(const AttemptId& attempt) {
  for (const auto& [name, root] : roots_)
    run(
        lanes_.at(name)->io,
        [root = root, owner = settings_->owner, attempt] {
          const auto swept = worker::sweep_if_published(*root, attempt, owner);
          if (!swept.ok()) base::log_debug("storage", "sweep {}: {}", attempt.text(), swept.error().message);
          return true;
        },
        [](bool) {});
}

}  // namespace framemill::worker
