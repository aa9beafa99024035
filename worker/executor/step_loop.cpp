#include "worker/executor/step_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/os_error.h"
#include "base/text.h"
#include "jobs/attempt_error.h"
#include "wire/convert.h"
#include "wire/executor_exit.h"
#include "wire/limits.h"

namespace framemill::worker {
namespace {

std::vector<std::filesystem::path> directories_of(const wire::Configure& configure) {
  return {configure.model_directories().begin(), configure.model_directories().end()};
}

}  // namespace

gpu::DeviceSpec device_of(const wire::Configure& configure) {
  gpu::DeviceSpec device;
  device.kind = configure.device_kind() == "cuda" ? gpu::DeviceKind::Cuda : gpu::DeviceKind::Cpu;
  device.threads = static_cast<int>(std::clamp<std::uint32_t>(configure.threads(), 1, 1024));
  device.memory_budget_bytes = configure.memory_bytes_budget();
  return device;
}

StepLoop::StepLoop(Engine& engine, const wire::Configure& configure, Inbox<Message>& inbox, Send send)
    : device_(device_of(configure)), inbox_(inbox), send_(std::move(send)),
      shelf_(engine, directories_of(configure), device_, hooks()), runner_(shelf_), door_(std::make_shared<Door>()) {
  frames::Roots roots;
  for (const wire::RootPath& root : configure.roots()) roots.set(root.name(), root.path());
  roots_ = std::make_shared<const frames::Roots>(std::move(roots));
  door_->inbox = &inbox_;
}

// Signs of life from inside long calls: the worker kills an executor that it does not hear from.
gpu::GeneratorHooks StepLoop::hooks() {
  gpu::GeneratorHooks hooks;
  hooks.loading = [this](const std::string& part, double share) {
    if (attempts_.empty()) return;
    Attempt& attempt = at_work_ != nullptr ? *at_work_ : *attempts_.back();
    std::string detail = "loading " + part;
    if (share > 0) detail += fmt::format(", {:.0f} %", 100 * std::min(share, 1.0));
    tell_progress(attempt, nullptr, 0, {std::move(detail), true}, share == 0);
  };
  hooks.working = [this] { tell_alive(false); };
  return hooks;
}

StepLoop::~StepLoop() {
  const std::lock_guard lock(door_->mutex);
  door_->inbox = nullptr;
}

void StepLoop::Door::put(Message message) {
  const std::lock_guard lock(mutex);
  if (inbox != nullptr) inbox->put_own(std::move(message));
}

int StepLoop::run() {
  tell_alive(true);
  while (true) {
    for (Message& message : inbox_.take(patience())) std::visit([this](auto& m) { on(std::move(m)); }, message);
    if (exit_status_) return *exit_status_;
    take_tasks();
    begin_windows();
    run_batch();
    settle();
    tell_alive(false);
    if (exit_status_) return *exit_status_;
    if (finishing_ && attempts_.empty()) return wire::kExitFinished;
  }
}

// How long the loop may sleep: not at all with a batch to run, else until the next duty.
std::chrono::milliseconds StepLoop::patience() const {
  auto until = last_alive_ + kAliveEvery;
  for (const auto& attempt : attempts_) {
    for (const TaskInFlight& task : attempt->in_flight) {
      if (task.stage == TaskStage::Running) return std::chrono::milliseconds(0);
      const bool gives_output = task.stage == TaskStage::Ready || task.stage == TaskStage::Decoding;
      if (gives_output && may_write(*attempt)) return std::chrono::milliseconds(0);
      if (task.stage == TaskStage::NeedsInputs && may_load(task)) until = std::min(until, task.try_again);
    }
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
  return std::chrono::milliseconds(std::clamp<std::int64_t>(left, 0, kAliveEvery.count()));
}

void StepLoop::on(wire::ToExecutor message) {
  switch (message.message_case()) {
    case wire::ToExecutor::kStart:
      return start(message.start());
    case wire::ToExecutor::kCancel:
      return cancel(message.cancel());
    case wire::ToExecutor::kFinish:
      return finish();
    case wire::ToExecutor::kConfigure:
      base::log_warning("executor", "a second configuration was ignored");
      return;
    case wire::ToExecutor::MESSAGE_NOT_SET:
      return;  // of a later version
  }
}

void StepLoop::start(const wire::StartAttempt& message) {
  const wire::AttemptId& id = message.grant().attempt();
  if (find(id)) return;  // said twice
  const auto refuse = [&](const base::Error& error) { tell_ended(id, end_by(error, std::nullopt), {}); };
  if (finishing_) return refuse(base::error_of(jobs::AttemptError::NoRoom, "the executor is stopping"));
  if (attempts_.size() >= kAttemptsMax)
    return refuse(
        base::error_of(jobs::AttemptError::NoRoom, fmt::format("{} attempts are at work here already", kAttemptsMax)));
  auto made = make_attempt(message, ++clock_);
  if (!made.ok()) return refuse(made.error());
  Attempt& attempt = *attempts_.emplace_back(std::move(made).value());
  const auto& generate = *wire::model_work(attempt.grant.recipe());
  const auto asked = Clock::now();
  auto lease = shelf_.acquire(generate.model(), generate.model_digest(), choice_of(attempt));
  if (!lease.ok()) {
    attempt.usage.add_lost(microseconds_since(asked));
    base::Error error = lease.error();
    // Of the model's directory, which is not a root: the roots may be well.
    if (base::is_storage_code(error.code)) error.code = jobs::text_of(jobs::AttemptError::ModelStorage);
    const AttemptEnd end = end_by(error, std::nullopt);
    const wire::Usage usage = attempt.usage.usage("");
    attempts_.pop_back();
    return tell_ended(id, end, usage);
  }
  attempt.model = lease->model;
  if (lease->loaded_now) {
    attempt.usage.add_load(lease->load_us);
    tell_alive(true);
  }
}

void StepLoop::cancel(const wire::CancelAttempt& message) {
  Attempt* attempt = find(message.attempt());
  if (!attempt || attempt->end) return;
  if (message.keep().count() == 0) {
    *attempt->abandoned = !message.keep_finished();
    return end_attempt(*attempt, {jobs::Outcome::Revoked, "revoked", "The lease was taken back.", std::nullopt, {}});
  }
  const jobs::TaskRange keep{message.keep().first(), message.keep().count()};
  attempt->end_task = std::min(attempt->end_task, keep.end());
  attempt->next_task = std::min(attempt->next_task, attempt->end_task);
  attempt->stop([&](const TaskInFlight& t) { return t.stage != TaskStage::Writing && !keep.contains(t.task); });
}

// What has not begun goes back; windows in flight are finished and written.
void StepLoop::finish() {
  finishing_ = true;
  for (auto& attempt : attempts_) {
    const std::size_t dropped = attempt->drop([](const TaskInFlight& t) {
      return t.stage != TaskStage::Running && t.stage != TaskStage::Decoding && t.stage != TaskStage::Writing;
    });
    attempt->cut_short = dropped > 0 || attempt->next_task < attempt->end_task;
    attempt->next_task = attempt->end_task;
  }
}

// Decides how the attempt ends: nothing new of it begins, what is being written is waited for. Its windows in flight
// are dropped by settle(), at the end of the turn.
void StepLoop::end_attempt(Attempt& attempt, AttemptEnd end) {
  if (!attempt.end) attempt.end = std::move(end);
  attempt.next_task = attempt.end_task;
}

void StepLoop::settle() {
  for (auto& attempt : attempts_) {
    if (attempt->end || finishing_) leave_hanging(*attempt);
    if (attempt->end)
      attempt->stop([](const TaskInFlight& t) { return t.stage != TaskStage::Writing; });
    else if (attempt->finished() && attempt->cut_short)
      attempt->end =
          AttemptEnd{jobs::Outcome::Revoked, "executor.finishing", "The executor was asked to stop.", std::nullopt, {}};
    else if (attempt->finished())
      attempt->end = AttemptEnd{jobs::Outcome::Ok, "ok", "", std::nullopt, {}};
    if (!attempt->end || !attempt->in_flight.empty()) continue;
    tell_ended(attempt->grant.attempt(), *attempt->end,
               attempt->usage.usage(attempt->model->generator->device_class()));
    shelf_.release(*attempt->model);
    attempt.reset();
  }
  std::erase(attempts_, nullptr);
}

// What hangs in the lane is not waited for: whatever it still writes is in the directory of an attempt that is over.
void StepLoop::leave_hanging(Attempt& attempt) {
  // Slow storage gets longer where what it writes may still count.
  const auto patience = *attempt.abandoned ? kLaneHangsAfter : 3 * kLaneHangsAfter;
  if (lanes_.busy_for(write_lane(attempt)) < patience) return;
  *attempt.abandoned = true;
  attempt.cut_short =
      attempt.drop([](const TaskInFlight& t) { return t.stage == TaskStage::Writing; }) > 0 || attempt.cut_short;
}

void StepLoop::on(LoadDone done) {
  job_done(done.lane);
  Attempt* attempt = find(done.attempt);
  if (!attempt || attempt->end) return;
  for (TaskInFlight& task : attempt->in_flight) {
    if (task.task != done.task || task.stage != TaskStage::Loading) continue;
    if (done.inputs.ok()) {
      task.inputs = std::move(done.inputs).value();
      task.begun = ++clock_;
      task.stage = TaskStage::Ready;
      attempt->moved = true;
    } else if (is(done.inputs, jobs::AttemptError::InputNotVisible) && Clock::now() < *task.give_up) {
      task.stage = TaskStage::NeedsInputs;
      task.try_again = Clock::now() + kInputRetryEvery;
    } else {
      fail(task, done.inputs.error());
    }
    return;
  }
}

void StepLoop::on(WriteDone done) {
  job_done(done.lane);
  Attempt* attempt = find(done.attempt);
  if (!attempt) return;
  attempt->moved = true;
  attempt->usage.add_write(done.written.write_us);
  const auto is_it = [&](const TaskInFlight& t) { return t.task == done.task && t.writes_out > 0; };
  const auto task = std::find_if(attempt->in_flight.begin(), attempt->in_flight.end(), is_it);
  if (task == attempt->in_flight.end()) return;  // it hung, and was left behind
  --task->writes_out;
  if (task->stopped || std::holds_alternative<MoreToCome>(done.written.result)) {
    if (task->stopped) attempt->drop([&](const TaskInFlight& t) { return &t == &*task && t.writes_out == 0; });
    return;
  }
  if (auto* finished = std::get_if<wire::FinishedTask>(&done.written.result)) {
    attempt->in_flight.erase(task);
    wire::FromExecutor message;
    *message.mutable_finished() = std::move(*finished);
    return tell(message);
  }
  attempt->stop([&](const TaskInFlight& t) { return &t == &*task; });
  const auto& failed = std::get<WriteFailure>(done.written.result);
  AttemptEnd end = end_by(failed.error, done.task);
  end.frame = failed.frame;
  end_attempt(*attempt, std::move(end));
}

void StepLoop::on(PipeClosed closed) {
  if (!closed.why.ok()) base::log_error("executor", "{}", closed.why.error().message);
  exit_status_ = closed.why.ok() ? wire::kExitFinished : wire::kExitProtocol;
}

void StepLoop::tell(const wire::FromExecutor& message) {
  if (const auto status = send_(message); !status.ok()) {
    base::log_error("executor", "{}", status.error().message);
    exit_status_ = wire::kExitFinished;  // nobody is left to work for
  }
}

void StepLoop::tell_ended(const wire::AttemptId& id, const AttemptEnd& end, const wire::Usage& usage) {
  wire::FromExecutor message;
  wire::EndedAttempt& ended = *message.mutable_ended();
  *ended.mutable_attempt() = id;
  ended.set_outcome(std::string(jobs::outcome_row(end.outcome).code));
  ended.set_code(base::clean_text(end.code, wire::kCodeBytesMax));
  ended.set_message(base::clean_text(end.message, wire::kTextBytesMax));  // it may quote a file's bytes
  ended.set_storage_root(base::clean_text(end.storage_root, wire::kCodeBytesMax));
  ended.set_has_frame(end.frame.has_value());
  ended.set_frame(end.frame.value_or(0));
  for (const jobs::TaskIndex task : end.failed_tasks) ended.add_failed_tasks(task);
  *ended.mutable_usage() = usage;
  if (end.outcome != jobs::Outcome::Ok)
    base::log_info("executor", "attempt {} ended: {} {}", id.counter(), ended.code(), ended.message());
  tell(message);
}

void StepLoop::tell_progress(Attempt& attempt, const TaskInFlight* task, std::size_t batch, const Activity& activity,
                             bool now) {
  attempt.moved = true;
  if (!now && Clock::now() - attempt.last_progress < kProgressEvery) return;
  attempt.last_progress = Clock::now();
  attempt.moved = false;
  wire::FromExecutor message;
  wire::AttemptProgress& progress = *message.mutable_progress();
  *progress.mutable_attempt() = attempt.grant.attempt();
  progress.set_task(task ? task->task : attempt.next_task);
  if (task && task->flight) {
    progress.set_step(static_cast<std::uint32_t>(task->flight->step()));
    progress.set_steps(static_cast<std::uint32_t>(task->flight->steps()));
  }
  progress.set_batch(static_cast<std::uint32_t>(batch));
  progress.set_detail(base::clean_text(activity.detail, wire::kDetailBytesMax));
  progress.set_loading_model(activity.loading_model);
  *progress.mutable_usage() = attempt.usage.usage(attempt.model ? attempt.model->generator->device_class() : "");
  attempt.told = progress;
  tell(message);
}

// That they go on, where no step told it: files were read or written, or others had their turn.
void StepLoop::tell_moves() {
  const bool stepped = std::exchange(batches_told_, batches_) != batches_;
  for (auto& attempt : attempts_) {
    const bool waits = stepped && attempt->count(TaskStage::Ready) > 0 && may_write(*attempt);
    if (!attempt->moved && !waits) continue;
    attempt->moved = false;
    wire::FromExecutor message;
    wire::AttemptProgress& progress = *message.mutable_progress();
    progress = attempt->told;
    *progress.mutable_attempt() = attempt->grant.attempt();
    if (!progress.has_usage()) progress.set_task(attempt->next_task);
    *progress.mutable_usage() = attempt->usage.usage(attempt->model ? attempt->model->generator->device_class() : "");
    tell(message);
  }
}

void StepLoop::tell_alive(bool now) {
  if (!now && Clock::now() - last_alive_ < kAliveEvery) return;
  last_alive_ = Clock::now();
  wire::FromExecutor message;
  wire::Alive& alive = *message.mutable_alive();
  alive.set_resident_bytes(shelf_.resident_bytes());
  alive.set_peak_bytes(shelf_.peak_bytes());
  for (std::string& digest : shelf_.warm_digests()) alive.add_loaded_models(std::move(digest));
  std::size_t windows = 0;
  for (const auto& attempt : attempts_) windows += attempt->in_flight.size();
  alive.set_windows_in_flight(static_cast<std::uint32_t>(windows));
  tell(message);
  tell_moves();
}

Attempt* StepLoop::find(std::uint64_t number) {
  for (auto& attempt : attempts_)
    if (attempt->number == number) return attempt.get();
  return nullptr;
}

Attempt* StepLoop::find(const wire::AttemptId& id) {
  const jobs::AttemptId wanted = wire::attempt_from_wire(id);
  for (auto& attempt : attempts_)
    if (wire::attempt_from_wire(attempt->grant.attempt()) == wanted) return attempt.get();
  return nullptr;
}

}  // namespace framemill::worker
