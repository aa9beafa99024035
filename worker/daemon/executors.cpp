#include "worker/daemon/executors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/log.h"
#include "base/text.h"
#include "wire/recipe_kind.h"
#include "worker/core/host_conditions.h"
#include "worker/daemon/translate.h"
#include "worker/link/reply.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

// How long lines are gathered before the core hears of them.
constexpr base::Duration kOutputPause = base::milliseconds(200);

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

AttemptEnded not_admitted(const AttemptId& attempt, std::string code, std::string text) {
  EndedAttempt ended;
  ended.attempt = attempt;
  ended.outcome = jobs::Outcome::NotAdmitted;
  ended.code = std::move(code);
  ended.text = std::move(text);
  return {std::move(ended)};
}

}  // namespace

Executors::Executors(net::EventLoop& loop, const DaemonSetup& setup, const Storage& storage,
                     std::vector<MemoryCap>& caps, std::function<void(Event)> happen)
    : loop_(loop), setup_(setup), storage_(storage), caps_(caps), happen_(std::move(happen)),
      processes_(setup.host.slots.size()), may_write_(setup.host.slots.size()) {}
Executors::~Executors() = default;

void Executors::start(SlotIndex slot) {
  ExecutorSettings settings;
  settings.spawn = executor_spawn(setup_.config, setup_.host, slot, setup_.executor);
  settings.memory = caps_[slot].part("executor");
  settings.launcher = setup_.own_program;
  settings.confinement = executor_confinement(setup_.access, storage_.roots(), storage_.attempts_trees());
  may_write_[slot] = storage_.attempts_trees();
  settings.start_timeout = setup_.config.start_timeout;
  settings.hang_timeout = setup_.config.hang_timeout;
  auto started =
      ExecutorProcess::start(loop_, std::move(settings), configure_message(setup_.config, setup_.host, slot),
                             {[this, slot](const wire::FromExecutor& message) { on_message(slot, message); },
                              [this, slot](const Death& death, const std::string& tail) {
                                if (!stopping_)
                                  base::log_warning(name_of(slot), "executor ended: {}", judge(death, 1).message);
                                happen_(ExecutorDied{slot, death, tail, logs_.texts_of(slot)});
                              },
                              [this, slot](std::string_view line) { on_line(slot, line); }});
  if (!started.ok()) {
    base::log_error(name_of(slot), "{}", started.error().message);
    Death death;
    death.started = false;
    death.detail = started.error().message;
    if (HostConditions::is_condition(started.error().code)) death.host_code = started.error().code;
    return happen_(ExecutorDied{slot, death, "", {}});
  }
  processes_[slot] = *std::move(started);
}

void Executors::finish(SlotIndex slot) {
  wire::ToExecutor message;
  message.set_finish(true);
  processes_[slot]->send(message);
}

void Executors::kill(SlotIndex slot, KilledBecause because) {
  processes_[slot]->kill(because);
}

// A confined executor may write in the directories that were there when it started. One that came later (storage that
// was mounted meanwhile) it cannot reach.
bool Executors::reaches(SlotIndex slot, const RootDirectory& root) const {
  if (setup_.access.mode == ConfinementMode::Off || setup_.access.support.landlock_abi == 0) return true;
  const std::string path = (root.path() / kAttemptsPath).string();
  const auto is_it = [&](const Tree& tree) { return tree.path == path; };
  const std::vector<Tree> now = storage_.attempts_trees();
  const std::vector<Tree>& then = may_write_[slot];
  const auto current = std::find_if(now.begin(), now.end(), is_it);
  return current == now.end() || std::find(then.begin(), then.end(), *current) != then.end();
}

void Executors::begin(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) {
  const auto root = storage_.roots().find(grant.recipe().root());
  if (root == storage_.roots().end())
    return happen_(not_admitted(attempt, "root.missing", "This host no longer sees the root."));
  if (!reaches(slot, *root->second)) {
    base::log_warning(name_of(slot), "the root {} came after the executor: it is started again", root->first);
    finish(slot);
    return happen_(not_admitted(attempt, "root.new",
                                "The root was mounted after the executor had started; the executor is started again."));
  }
  begun_[attempt] = {JobId(grant.tasks().job()), grant.tasks().phase()};
  wire::ToExecutor message;
  wire::StartAttempt& start = *message.mutable_start();
  *start.mutable_grant() = grant;
  start.mutable_grant()->mutable_tasks()->set_first(tasks.first);
  start.mutable_grant()->mutable_tasks()->set_count(tasks.count);
  start.set_staging_directory((root->second->path() / staging_path(attempt)).string());
  const auto* work = wire::model_work(grant.recipe());
  logs_.begin(attempt, slot,
              fmt::format("{} of job {} in executor {}", work == nullptr ? "work" : work->model(), grant.tasks().job(),
                          processes_[slot]->pid()));
  processes_[slot]->send(message);
}

void Executors::cancel(SlotIndex slot, const AttemptId& attempt, bool keep_finished, const TaskRange& keep) {
  const auto begun = begun_.find(attempt);
  if (begun == begun_.end()) return;
  wire::ToExecutor message;
  wire::CancelAttempt& cancel = *message.mutable_cancel();
  attempt_to_wire(attempt, *cancel.mutable_attempt());
  cancel.set_keep_finished(keep_finished);
  tasks_to_wire(begun->second, keep, *cancel.mutable_keep());
  processes_[slot]->send(message);
}

void Executors::forget(const AttemptId& attempt) {
  begun_.erase(attempt);
  logs_.forget(attempt);
}

void Executors::on_message(SlotIndex slot, const wire::FromExecutor& message) {
  auto event = event_from_executor(slot, message);
  if (!event.ok()) return processes_[slot]->kill(KilledBecause::BadMessage, event.error().message);
  if (auto* end = std::get_if<AttemptEnded>(&*event); end != nullptr && end->ended.outcome != jobs::Outcome::Ok) {
    if (end->ended.output_tail.empty()) end->ended.output_tail = logs_.text(end->ended.attempt);
    // Ended here, whatever the executor thinks: it may have said something of it that made no sense.
    if (!message.has_ended()) cancel(slot, end->ended.attempt, false, {});
  }
  happen_(*std::move(event));
}

void Executors::on_line(SlotIndex slot, std::string_view line) {
  relay(name_of(slot), line);
  logs_.add(slot, line);
  if (output_timer_.pending()) return;
  output_timer_ = loop_.call_after(kOutputPause, [this] {
    for (auto& [attempt, text] : logs_.take_changed()) happen_(AttemptOutput{attempt, std::move(text)});
  });
}

}  // namespace framemill::worker
