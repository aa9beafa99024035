// What the core wants done: executors, children, storage.
#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/log.h"
#include "base/text.h"
#include "wire/executor.pb.h"
#include "wire/recipe_kind.h"
#include "worker/daemon/daemon.h"
#include "worker/daemon/translate.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {

namespace {

// An executor's line in the worker's log: its own time is left out, its level kept.
void relay(const std::string& slot, std::string_view line) {
  constexpr std::size_t kTimeLength = sizeof "2026-11-22T09:15:30.250 " - 1;
  const bool has_time = line.size() > kTimeLength && line[4] == '-' && line[10] == 'T' && line[kTimeLength - 1] == ' ';
  if (has_time) line.remove_prefix(kTimeLength);
  base::LogLevel level = base::LogLevel::Info;
  if (line.starts_with("error ")) level = base::LogLevel::Error;
  if (line.starts_with("warning ")) level = base::LogLevel::Warning;
  if (line.starts_with("debug ")) level = base::LogLevel::Debug;
  if (has_time) line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ', line.find(' '))));
  if (base::log_enabled(level)) base::log_line(level, slot, base::clean_text(line, LineSplitter::kLineBytesMax));
}

}  // namespace

// --- executors -------------------------------------------------------------------------------------------------------

void Daemon::act(const StartExecutor& e) {
  const SlotPlan& slot = setup_.host.slots[e.slot];
  ExecutorSettings settings;
  settings.spawn = executor_spawn(setup_.config, setup_.host, e.slot, setup_.executor);
  settings.memory = caps_[e.slot].part("executor");
  settings.launcher = setup_.own_program;
  settings.confinement = executor_confinement(setup_.access, storage_.roots(), storage_.attempts_trees());
  executors_write_[e.slot] = storage_.attempts_trees();
  settings.start_timeout = setup_.config.start_timeout;
  settings.hang_timeout = setup_.config.hang_timeout;
  auto started = ExecutorProcess::start(
      loop_, std::move(settings), configure_message(setup_.config, setup_.host, e.slot),
      {[this, index = e.slot](const wire::FromExecutor& message) { on_executor_message(index, message); },
       [this, index = e.slot](const Death& death, const std::string& tail) {
         const DeathVerdict verdict = judge(death, 1);
         if (!core_.draining()) base::log_warning(setup_.host.slots[index].name, "executor ended: {}", verdict.message);
         happen(ExecutorDied{index, death, tail, logs_.texts_of(index)});
       },
       [this, index = e.slot](std::string_view line) { on_executor_line(index, line); }});
  if (!started.ok()) {
    base::log_error(slot.name, "{}", started.error().message);
    Death death;
    death.started = false;
    death.detail = started.error().message;
    if (HostConditions::is_condition(started.error().code)) death.host_code = started.error().code;
    return happen(ExecutorDied{e.slot, death, "", {}});
  }
  executors_[e.slot] = std::move(*started);
}

void Daemon::on_executor_message(SlotIndex slot, const wire::FromExecutor& message) {
  auto event = event_from_executor(slot, message);
  if (!event.ok()) return executors_[slot]->kill(KilledBecause::BadMessage, event.error().message);
  if (auto* end = std::get_if<AttemptEnded>(&*event); end != nullptr && end->ended.outcome != jobs::Outcome::Ok) {
    if (end->ended.output_tail.empty()) end->ended.output_tail = logs_.text(end->ended.attempt);
    // Ended here, whatever the executor thinks: it may have said something of it that made no sense.
    if (!message.has_ended()) cancel_in_executor(slot, end->ended.attempt, false, {});
  }
  happen(std::move(*event));
}

void Daemon::on_executor_line(SlotIndex slot, std::string_view line) {
  constexpr base::Duration kTellPause = base::milliseconds(200);
  relay(setup_.host.slots[slot].name, line);
  logs_.add(slot, line);
  if (output_timer_.pending()) return;
  output_timer_ = loop_.call_after(kTellPause, [this] {
    for (auto& [attempt, text] : logs_.take_changed()) happen(AttemptOutput{attempt, std::move(text)});
  });
}

void Daemon::act(const FinishExecutor& e) {
  wire::ToExecutor message;
  message.set_finish(true);
  executors_[e.slot]->send(message);
}

void Daemon::act(const KillExecutor& e) {
  executors_[e.slot]->kill(e.because);
}

// --- attempts --------------------------------------------------------------------------------------------------------

void Daemon::act(const PrepareStaging& e) {
  storage_.prepare(e.attempt, grants_.at(e.attempt));
}

// A confined executor may write in the directories that were there when it started. One that came later (storage that
// was mounted meanwhile) it cannot reach.
bool Daemon::executor_reaches(SlotIndex slot, const RootDirectory& root) const {
  if (setup_.access.mode == ConfinementMode::Off || setup_.access.support.landlock_abi == 0) return true;
  const std::string path = (root.path() / kAttemptsPath).string();
  const auto is_it = [&](const Tree& tree) { return tree.path == path; };
  const std::vector<Tree>&now = storage_.attempts_trees(), &then = executors_write_[slot];
  const auto current = std::find_if(now.begin(), now.end(), is_it);
  return current == now.end() || std::find(then.begin(), then.end(), *current) != then.end();
}

void Daemon::act(const StartInExecutor& e) {
  const wire::Grant& grant = grants_.at(e.attempt);
  const auto root = storage_.roots().find(grant.recipe().root());
  const auto refuse = [&](const char* code, const char* text) {
    EndedAttempt ended;
    ended.attempt = e.attempt;
    ended.outcome = jobs::Outcome::NotAdmitted;
    ended.code = code;
    ended.text = text;
    happen(AttemptEnded{std::move(ended)});
  };
  if (root == storage_.roots().end()) return refuse("root.missing", "This host does not see the root any more.");
  if (!executor_reaches(e.slot, *root->second)) {
    base::log_warning(setup_.host.slots[e.slot].name, "the root {} came after the executor: it is started again",
                      root->first);
    wire::ToExecutor finish;
    finish.set_finish(true);
    executors_[e.slot]->send(finish);
    return refuse("root.new", "The root was mounted after the executor had started; the executor is started again.");
  }
  wire::ToExecutor message;
  wire::StartAttempt& start = *message.mutable_start();
  *start.mutable_grant() = grant;
  start.mutable_grant()->mutable_tasks()->set_first(e.tasks.first);
  start.mutable_grant()->mutable_tasks()->set_count(e.tasks.count);
  start.set_staging_directory((root->second->path() / staging_path(e.attempt)).string());
  const auto* work = wire::model_work(grant.recipe());
  logs_.begin(e.attempt, e.slot,
              fmt::format("{} of job {} in executor {}", work == nullptr ? "work" : work->model(), grant.tasks().job(),
                          executors_[e.slot]->pid()));
  executors_[e.slot]->send(message);
}

void Daemon::act(const CancelInExecutor& e) {
  cancel_in_executor(e.slot, e.attempt, e.keep_finished, e.keep);
}

void Daemon::cancel_in_executor(SlotIndex slot, const AttemptId& attempt, bool keep_finished, const TaskRange& keep) {
  const auto grant = grants_.find(attempt);
  if (grant == grants_.end()) return;
  wire::ToExecutor message;
  wire::CancelAttempt& cancel = *message.mutable_cancel();
  attempt_to_wire(attempt, *cancel.mutable_attempt());
  cancel.set_keep_finished(keep_finished);
  tasks_to_wire({JobId(grant->second.tasks().job()), grant->second.tasks().phase()}, keep, *cancel.mutable_keep());
  executors_[slot]->send(message);
}

void Daemon::act(const StartChild& e) {
  const SlotPlan& slot = setup_.host.slots[e.slot];
  ChildRunnerSettings settings;
  settings.keeper = setup_.own_program;
  settings.media = setup_.media;
  settings.commands = setup_.config.commands;
  settings.access = setup_.access;
  settings.environment = allowed_environment(setup_.config.environment);
  settings.cpus = slot.cpus;
  settings.memory = caps_[e.slot].part("program", kCommandProcessesMax);
  settings.niceness = setup_.config.niceness;
  try {
    children_io_[e.attempt] = std::make_unique<IoThread>();
  } catch (const std::system_error& error) {  // the host has no thread to spare
    children_io_.erase(e.attempt);
    EndedAttempt ended;
    ended.attempt = e.attempt;
    ended.outcome = jobs::Outcome::NotAdmitted;
    ended.code = "host.processes";
    ended.text = std::string("A thread for its files could not be started: ") + error.what();
    return happen(AttemptEnded{std::move(ended)});
  }
  children_[e.attempt] = ChildRunner::start(
      loop_, *children_io_[e.attempt], storage_.roots(), std::move(settings), grants_.at(e.attempt), e.tasks,
      {[this](const AttemptId& attempt, const Progress& progress) { happen(AttemptProgressed{attempt, progress}); },
       [this](const AttemptId& attempt, std::string text) { happen(AttemptOutput{attempt, std::move(text)}); },
       [this](FinishedTask task) { happen(TaskFinished{std::move(task)}); },
       [this](EndedAttempt ended) { happen(AttemptEnded{std::move(ended)}); }});
}

void Daemon::act(const StopChild& e) {
  if (const auto child = children_.find(e.attempt); child != children_.end()) {
    const std::shared_ptr<ChildRunner> held = child->second;  // its end may come within the call
    held->stop(e.keep_finished);
  }
}

void Daemon::act(const ForgetAttempt& e) {
  grants_.erase(e.attempt);
  children_.erase(e.attempt);
  logs_.forget(e.attempt);
  if (const auto io = children_io_.extract(e.attempt)) io.mapped()->leave();
}

// --- storage ---------------------------------------------------------------------------------------------------------

void Daemon::act(const SweepStaging& e) {
  storage_.sweep(e.attempt);
}

void Daemon::act(const DropTask& e) {
  storage_.drop_task(e.attempt, e.task);
}

void Daemon::act(const SweepIfPublished& e) {
  storage_.sweep_if_published(e.attempt);
}

void Daemon::act(const Publish& e) {
  const auto order = publishes_.extract(e.duty);
  if (order) storage_.publish(e.duty, order.mapped());
}

void Daemon::act(const Discard& e) {
  const auto roots = discards_.extract(e.job);
  storage_.discard(e.job, roots ? roots.mapped() : std::vector<std::string>{});
}

void Daemon::act(const WriteManifest& e) {
  const auto order = manifests_.extract(e.duty);
  if (order) storage_.write_manifest(e.duty, order.mapped());
}

void Daemon::act(const Exit&) {
  base::log_info("worker", "exiting with {} unacknowledged reports", core_.untold_count());
  loop_.stop();
}

}  // namespace framemill::worker
