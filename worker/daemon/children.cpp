#include "worker/daemon/children.h"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <utility>

namespace framemill::worker {

Children::Children(net::EventLoop& loop, const DaemonSetup& setup, const Storage& storage, std::vector<MemoryCap>& caps,
                   std::function<void(Event)> happen)
    : loop_(loop), setup_(setup), storage_(storage), caps_(caps), happen_(std::move(happen)) {}
Children::~Children() = default;

void Children::start(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) {
  ChildRunnerSettings settings;
  settings.keeper = setup_.own_program;
  settings.media = setup_.media;
  settings.check = setup_.check;
  settings.commands = setup_.config.commands;
  settings.access = setup_.access;
  settings.environment = allowed_environment(setup_.config.environment);
  settings.cpus = setup_.host.slots[slot].cpus;
  settings.memory = caps_[slot].part("program", kCommandProcessesMax);
  settings.limits = limits_;
  settings.niceness = setup_.config.niceness;
  try {
    io_[attempt] = std::make_unique<IoThread>();
  } catch (const std::system_error& error) {  // the host has no thread to spare
    io_.erase(attempt);
    EndedAttempt ended;
    ended.attempt = attempt;
    ended.outcome = jobs::Outcome::NotAdmitted;
    ended.code = "host.processes";
    ended.text = fmt::format("A thread for its files could not be started: {}", error.what());
    return happen_(AttemptEnded{std::move(ended)});
  }
  runners_[attempt] = ChildRunner::start(
      loop_, *io_[attempt], storage_.roots(), std::move(settings), grant, tasks,
      {[this](const AttemptId& id, const Progress& progress) { happen_(AttemptProgressed{id, progress}); },
       [this](const AttemptId& id, std::string text) { happen_(AttemptOutput{id, std::move(text)}); },
       [this](FinishedTask task) { happen_(TaskFinished{std::move(task)}); },
       [this](EndedAttempt ended) { happen_(AttemptEnded{std::move(ended)}); }});
}

void Children::stop(const AttemptId& attempt, bool keep_finished) {
  if (const auto runner = runners_.find(attempt); runner != runners_.end()) {
    const std::shared_ptr<ChildRunner> held = runner->second;  // its end may come within the call
    held->stop(keep_finished);
  }
}

void Children::forget(const AttemptId& attempt) {
  runners_.erase(attempt);
  if (const auto io = io_.extract(attempt)) io.mapped()->leave();
}

std::vector<AttemptId> Children::moved() {
  std::map<AttemptId, std::uint64_t> seen;
  std::vector<AttemptId> moved;
  for (const auto& [attempt, runner] : runners_) {
    const auto work = runner->work_done();
    const auto before = work_.find(attempt);
    if (!work || before == work_.end() || before->second != *work) moved.push_back(attempt);
    seen[attempt] = work.value_or(0);
  }
  work_ = std::move(seen);
  return moved;
}

}  // namespace framemill::worker
