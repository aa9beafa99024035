// The step loop's working half: tasks from the grant to the loader, into batches, and to the writer.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "jobs/attempt_error.h"
#include "wire/executor_exit.h"
#include "worker/executor/step_loop.h"

namespace framemill::worker {
namespace {

frames::ColourSpace space_of(const Model& model) {
  return frames::colour_space_from_name(model.package.facts.colour_space).value_or(frames::ColourSpace::Srgb);
}

// Stages before the model call: what is held ready so that a batch never waits for a disk.
std::size_t waiting(const Attempt& attempt) {
  return attempt.count(TaskStage::NeedsInputs) + attempt.count(TaskStage::Loading) + attempt.count(TaskStage::Ready);
}

WriteOrder write_order(TaskInFlight& task) {
  const Attempt& attempt = *task.attempt;
  WriteOrder order;
  *order.task.mutable_attempt() = attempt.grant.attempt();
  order.task.set_job(attempt.grant.tasks().job());
  order.task.set_phase(attempt.grant.tasks().phase());
  order.task.set_task(task.task);
  for (wire::InputFile& input : task.inputs.read) *order.task.add_read() = std::move(input);
  order.staging = attempt.staging;
  order.abandoned = attempt.abandoned;
  return order;
}

std::uint64_t duration_us_of(const TaskInFlight& task) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(task.compute_us));
}

}  // namespace

std::string write_lane(const Attempt& attempt) {
  return "write " + attempt.grant.recipe().root();
}

std::string load_lane(const TaskInFlight& task) {
  std::set<std::string> roots;
  for (const wire::InputFile& input : inputs_of(*task.attempt, task.task)) roots.insert(input.root());
  std::string lane = "read";
  for (const std::string& root : roots) lane += " " + root;
  return lane;
}

std::size_t StepLoop::jobs_out(const std::string& lane) const {
  const auto found = jobs_out_.find(lane);
  return found == jobs_out_.end() ? 0 : found->second;
}

void StepLoop::job_done(const std::string& lane) {
  if (--jobs_out_[lane] == 0) jobs_out_.erase(lane);
}

bool StepLoop::may_load(const TaskInFlight& task) const {
  return jobs_out(load_lane(task)) < kLoadsMax;
}

bool StepLoop::may_write(const Attempt& attempt) const {
  return jobs_out(write_lane(attempt)) < kWritesMax;
}

void StepLoop::take_tasks() {
  for (auto& attempt : attempts_) {
    if (attempt->end) continue;
    take_tasks_of(*attempt);
    for (TaskInFlight& task : attempt->in_flight) {
      if (task.stage == TaskStage::NeedsInputs && Clock::now() >= task.try_again && may_load(task)) load(task);
    }
  }
}

void StepLoop::take_tasks_of(Attempt& attempt) {
  const std::size_t ahead = attempt.chains() ? 1 : std::size_t{attempt.batch_max()} + 1;
  while (attempt.next_task < attempt.end_task && waiting(attempt) < std::min(ahead, kWindowsMax)) {
    // In a chain the next window waits until the one before has given its latents.
    if (attempt.chains() && attempt.count(TaskStage::Running) > 0) return;
    TaskInFlight& task = attempt.in_flight.emplace_back();
    task.attempt = &attempt;
    task.task = attempt.next_task++;
    task.window = attempt.windows.at(task.task);
    if (attempt.carry) {
      task.inputs.latents = std::exchange(attempt.carry, std::nullopt);
    } else if (!inputs_of(attempt, task.task).empty() || !attempt.denoises()) {
      continue;  // for the loader
    }
    task.begun = ++clock_;
    task.stage = TaskStage::Ready;
  }
}

void StepLoop::load(TaskInFlight& task) {
  const Attempt& attempt = *task.attempt;
  const gpu::WindowShape shape = shape_of(attempt);
  LoadOrder order{inputs_of(attempt, task.task),
                  space_of(*attempt.model),
                  attempt.grid.context_frames,
                  !attempt.denoises(),
                  shape.width,
                  shape.height};
  // What the farm made becomes visible here soon; a file from elsewhere is looked for without holding a slot.
  const bool promised = std::all_of(order.inputs.begin(), order.inputs.end(),
                                    [](const wire::InputFile& input) { return !input.sha256().empty(); });
  if (!task.give_up) task.give_up = promised ? Clock::now() + kInputPatience : Clock::now();
  task.stage = TaskStage::Loading;
  const std::string lane = load_lane(task);
  ++jobs_out_[lane];
  lanes_.post(
      lane, [door = door_, roots = roots_, lane, order = std::move(order), number = attempt.number, index = task.task] {
        base::Result<LoadedInputs> inputs = base::error_of(jobs::AttemptError::InputRead, "not read");
        try {
          inputs = load_inputs(*roots, order);
        } catch (const std::exception& error) {
          inputs = base::error_of(jobs::AttemptError::InputRead, error.what());
        }
        door->put(LoadDone{lane, number, index, std::move(inputs)});
      });
}

std::size_t StepLoop::running_in(const std::string& group) const {
  std::size_t running = 0;
  for (const auto& attempt : attempts_)
    if (attempt->group == group) running += attempt->count(TaskStage::Running);
  return running;
}

// Windows join here: as many of a group as one batch admits, so that none is begun only to be paused; attempts take
// turns, so that windows of several jobs share the batch.
void StepLoop::begin_windows() {
  while (!exit_status_) {
    Attempt* next = nullptr;
    std::size_t running = 0;
    for (auto& attempt : attempts_) {
      running += attempt->count(TaskStage::Running);
      if (attempt->end || !attempt->denoises() || attempt->count(TaskStage::Ready) == 0 || !may_write(*attempt))
        continue;
      const std::uint32_t most =
          std::min(attempt->batch_max(), shelf_.batch_limit(*attempt->model, BatchKind::Denoise, shape_of(*attempt)));
      if (running_in(attempt->group) >= std::max<std::uint32_t>(1, most)) continue;
      if (!next || attempt->last_begun < next->last_begun) next = attempt.get();
    }
    if (!next || running >= kWindowsMax) return;
    const auto task = std::find_if(next->in_flight.begin(), next->in_flight.end(),
                                   [](const TaskInFlight& t) { return t.stage == TaskStage::Ready; });
    next->last_begun = ++clock_;
    if (!begin(*next, *task)) return;
  }
}

// False when memory is short for now: the window waits until others have left.
bool StepLoop::begin(Attempt& attempt, TaskInFlight& task) {
  const auto start = Clock::now();
  const auto try_once = [&]() -> base::Status {
    FM_ASSIGN(const gpu::WindowRequest request, window_request(attempt, task));
    FM_ASSIGN(task.flight, attempt.model->generator->begin(request));
    return {};
  };
  at_work_ = &attempt;
  base::Status status = try_once();
  const auto out_of_memory = [&] { return is(status, jobs::AttemptError::OutOfMemory); };
  if (out_of_memory() && shelf_.evict_idle()) status = try_once();
  at_work_ = nullptr;
  const double us = microseconds_since(start);
  if (!status.ok()) {
    attempt.usage.add_lost(us);
    if (out_of_memory() && running_in(attempt.group) > 0) return false;
    fail(task, status.error());
    return true;
  }
  task.compute_us += us;
  attempt.usage.add_compute(us);
  task.batch_key = attempt.group + attempt.model->generator->batch_key(*task.flight).text;
  task.begun = ++clock_;
  task.stage = TaskStage::Running;
  tell_progress(attempt, &task, 1, {}, false);
  return true;
}

// Windows that can advance now: denoising ones in flight, and latents that wait for the decoder.
std::vector<TaskInFlight*> StepLoop::runnable() {
  std::vector<TaskInFlight*> tasks;
  for (auto& attempt : attempts_) {
    if (attempt->end) continue;
    for (TaskInFlight& task : attempt->in_flight) {
      if (task.stage == TaskStage::Running) tasks.push_back(&task);
      const bool gives_pictures =
          task.stage == TaskStage::Decoding || (task.stage == TaskStage::Ready && !attempt->denoises());
      if (gives_pictures && may_write(*attempt)) tasks.push_back(&task);
    }
  }
  return tasks;
}

bool StepLoop::run_batch() {
  const std::vector<TaskInFlight*> tasks = runnable();
  std::vector<gpu::BatchCandidate> candidates;
  std::map<std::string, std::uint32_t> limits;
  for (const TaskInFlight* task : tasks) {
    const std::string key = task->attempt->denoises() ? task->batch_key : task->attempt->group;
    if (!limits.contains(key))
      limits[key] =
          shelf_.batch_limit(*task->attempt->model, task->attempt->denoises() ? BatchKind::Denoise : BatchKind::Decode,
                             shape_of(*task->attempt));
    candidates.push_back({key, task->begun, task->attempt->batch_max()});
  }
  const auto chosen = batcher_.next(candidates, [&](const std::string& key) { return limits.at(key); });
  if (chosen.empty()) return false;
  std::vector<TaskInFlight*> batch;
  for (const std::size_t i : chosen) batch.push_back(tasks[i]);
  ++batches_;
  Model& model = *batch.front()->attempt->model;
  at_work_ = batch.front()->attempt;
  if (at_work_->denoises())
    step(model, batch);
  else
    decode(model, batch);
  at_work_ = nullptr;
  return true;
}

void StepLoop::step(Model& model, std::span<TaskInFlight* const> batch) {
  const auto advanced = runner_.step(model, batch);
  if (!advanced.ok()) return fail(*batch.front(), advanced.error());
  for (TaskInFlight* task : batch.first(*advanced)) {
    tell_progress(*task->attempt, task, *advanced, {}, false);
    if (task->flight->done() && !task->attempt->end) finish_window(*task);
  }
}

// The next pictures of each; the first call begins a window.
void StepLoop::decode(Model& model, std::span<TaskInFlight* const> batch) {
  for (TaskInFlight* task : batch) {
    std::string detail = "decoding";
    if (task->decoding)
      detail += fmt::format(", {} of {} frames", task->decoding->frames_done(), task->decoding->frames());
    tell_progress(*task->attempt, task, batch.size(), {std::move(detail)}, false);
  }
  auto pieces = runner_.decode(model, batch);
  if (!pieces.ok()) return fail(*batch.front(), pieces.error());
  for (std::size_t i = 0; i < pieces->size(); ++i)
    if (!batch[i]->attempt->end) take_pictures(*batch[i], std::move((*pieces)[i]));
}

void StepLoop::take_pictures(TaskInFlight& task, gpu::ImageBlock pictures) {
  const Attempt& attempt = *task.attempt;
  const gpu::Generator& generator = *attempt.model->generator;
  if (!pictures.consistent() || task.decoding->frames() != attempt.grid.window_frames)
    return fail(task, base::error_of(jobs::AttemptError::FrameSize,
                                     fmt::format("the decoder gave {} frames; a window has {}", task.decoding->frames(),
                                                 attempt.grid.window_frames)));
  if (!task.writer) {
    const gpu::WindowShape shape = shape_of(attempt);
    FramesToWrite window;
    window.first_frame = attempt.grid.window_first(task.window);
    window.frames = frames_of_window(attempt, task.window);
    window.space = space_of(*attempt.model);
    window.size = {shape.width, shape.height};
    window.recipe = attempt.grant.recipe();
    window.device_class = generator.device_class();
    task.writer = std::make_shared<WindowWriter>(write_order(task), std::move(window));
    task.stage = TaskStage::Decoding;
  }
  if (!task.decoding->done())
    return post_write(task, [writer = task.writer, pictures = std::move(pictures)] { return writer->add(pictures); });
  task.stage = TaskStage::Writing;
  task.decoding.reset();
  task.inputs = {};
  post_write(task, [writer = task.writer, pictures = std::move(pictures), duration_us = duration_us_of(task)] {
    return writer->finish(pictures, duration_us);
  });
}

// The latents of a finished window become bytes; in a chain the next window starts from the values of those bytes, so
// that it makes no difference whether it runs here or reads the file on another host.
void StepLoop::finish_window(TaskInFlight& task) {
  Attempt& attempt = *task.attempt;
  const jobs::Frame first = attempt.grid.window_first(task.window);
  const auto block = attempt.model->generator->finish(*task.flight);
  std::optional<frames::OutputFinding> finding;
  if (block.ok()) finding = frames::check_latents(block->values, first);
  if (is(block, jobs::AttemptError::NotFinite))
    finding = {std::string(text_of(jobs::AttemptError::FrameNan)),
               fmt::format("the window at frame {}: {}", first, block.error().message), first};
  if (finding) {
    AttemptEnd end = end_by({finding->code, finding->message, "", ""}, task.task);
    end.frame = finding->frame;
    return end_attempt(attempt, std::move(end));
  }
  if (!block.ok()) return fail(task, block.error());
  LatentsToWrite latents;
  latents.bytes = gpu::to_bytes(*block, attempt.model->package.carry_dtype);
  latents.path = fmt::format(".framemill/latents/{}/{}/{}.safetensors", attempt.grant.tasks().job(),
                             attempt.grant.tasks().phase(), task.task);
  latents.first_frame = first;
  if (attempt.chains() && attempt.next_task < attempt.end_task) {
    auto carry = gpu::latent_block_from_bytes(latents.bytes);
    if (!carry.ok()) return fail(task, carry.error());
    attempt.carry = std::move(carry).value();
  }
  task.stage = TaskStage::Writing;
  task.flight.reset();
  WriteOrder order = write_order(task);
  order.task.set_duration_us(duration_us_of(task));
  task.inputs = {};
  post_write(task, [order = std::move(order), latents = std::move(latents)] { return write_latents(order, latents); });
}

void StepLoop::post_write(TaskInFlight& task, std::function<Written()> act) {
  const std::string lane = write_lane(*task.attempt);
  ++jobs_out_[lane];
  ++task.writes_out;
  lanes_.post(lane, [door = door_, lane, act = std::move(act), number = task.attempt->number, index = task.task] {
    door->put(WriteDone{lane, number, index, act()});
  });
}

void StepLoop::fail(TaskInFlight& task, const base::Error& error) {
  // After an error of its own a GPU's context is worth nothing: a new process is needed. On a CPU it was the call
  // alone.
  if (is(error, jobs::AttemptError::Device) && device_.kind == gpu::DeviceKind::Cuda) {
    base::log_error("executor", "the device failed: {}", error.message);
    exit_status_ = wire::kExitHardware;
    AttemptEnd end = end_by(error, task.task);
    end.outcome = jobs::Outcome::Hardware;  // the device's fault is never the task's
    return end_attempt(*task.attempt, std::move(end));
  }
  end_attempt(*task.attempt, end_by(error, task.task));
}

}  // namespace framemill::worker
