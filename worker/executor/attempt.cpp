#include "worker/executor/attempt.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error_text.h"
#include "base/os_error.h"
#include "jobs/attempt_error.h"
#include "worker/executor/task_writing.h"

namespace framemill::worker {
namespace {

base::Error bad_recipe(std::string what) {
  return {"recipe.invalid", std::move(what), "", ""};
}

base::Result<jobs::WindowGrid> read_grid(const wire::Grid& wire_grid) {
  jobs::WindowGrid grid;
  grid.origin = wire_grid.origin();
  grid.window_frames = wire_grid.window_frames();
  grid.context_frames = wire_grid.context_frames();
  grid.time_ratio = {wire_grid.time_ratio_mul(), wire_grid.time_ratio_add()};
  grid.window_count = wire_grid.window_count();
  if (grid.window_frames < 1 || grid.window_frames > 100'000 || grid.context_frames < 0 ||
      grid.context_frames >= grid.window_frames || grid.time_ratio.mul < 1 || grid.time_ratio.mul > 64 ||
      grid.time_ratio.add < 0 || grid.time_ratio.add > 1)
    return bad_recipe(fmt::format("a grid of windows of {} frames with {} frames of context and time ratio {}k+{}",
                                  grid.window_frames, grid.context_frames, grid.time_ratio.mul, grid.time_ratio.add));
  return grid;
}

// The windows that tasks first..first+count-1 stand for.
base::Result<std::map<jobs::TaskIndex, std::uint32_t>> read_windows(const wire::Grant& grant,
                                                                    const jobs::WindowGrid& grid) {
  const std::uint64_t first = grant.tasks().first(), end = first + grant.tasks().count();
  std::map<jobs::TaskIndex, std::uint32_t> windows;
  std::uint64_t position = 0;  // task that the span begins with
  for (const wire::WindowSpan& span : grant.recipe().windows()) {
    const std::uint64_t span_end = position + span.count();
    if (std::uint64_t{span.first()} + span.count() > grid.window_count)
      return bad_recipe(
          fmt::format("window {} of a grid of {}", std::uint64_t{span.first()} + span.count() - 1, grid.window_count));
    for (std::uint64_t t = std::max(first, position); t < std::min(end, span_end); ++t)
      windows[static_cast<jobs::TaskIndex>(t)] = static_cast<std::uint32_t>(span.first() + (t - position));
    position = span_end;
  }
  if (windows.size() != grant.tasks().count())
    return bad_recipe(fmt::format("tasks {} to {} of a phase of {}", first, end - 1, position));
  return windows;
}

base::Status check_recipe(const wire::StartAttempt& start) {
  const wire::Grant& grant = start.grant();
  const wire::Recipe& recipe = grant.recipe();
  const auto* work = wire::model_work(recipe);
  if (work == nullptr) return bad_recipe("an executor only generates");
  if (grant.tasks().count() < 1 || grant.tasks().count() > kTasksPerAttemptMax ||
      std::uint64_t{grant.tasks().first()} + grant.tasks().count() > UINT32_MAX)
    return bad_recipe(fmt::format("{} tasks in one grant", grant.tasks().count()));
  if (!std::filesystem::path(start.staging_directory()).is_absolute())
    return bad_recipe("the staging directory is not an absolute path");
  if (work->model_digest().size() != 32) return bad_recipe("a model digest that is not 32 bytes long");
  const std::string& format = work->format();
  if (format != "exr" && format != "png") return bad_recipe(fmt::format("frame format '{}'", format));
  return {};
}

}  // namespace

std::string Attempt::phase_text() const {
  return fmt::format("{}/{}", grant.tasks().job(), grant.tasks().phase());
}

std::size_t Attempt::count(TaskStage stage) const {
  return static_cast<std::size_t>(
      std::count_if(in_flight.begin(), in_flight.end(), [&](const TaskInFlight& t) { return t.stage == stage; }));
}

std::size_t Attempt::drop(const std::function<bool(const TaskInFlight&)>& which) {
  return in_flight.remove_if([&](const TaskInFlight& task) {
    const bool dropped = which(task);
    if (dropped) usage.lose_compute(task.compute_us);
    return dropped;
  });
}

std::size_t Attempt::stop(const std::function<bool(const TaskInFlight&)>& which) {
  std::size_t stopped = 0;
  for (TaskInFlight& task : in_flight) {
    if (task.stopped || task.writes_out == 0 || !which(task)) continue;
    task.stopped = true;
    task.stage = TaskStage::Writing;
    task.decoding.reset();
    if (task.writer) task.writer->abandon();
    ++stopped;
  }
  return stopped + drop([&](const TaskInFlight& task) { return task.writes_out == 0 && which(task); });
}

base::Result<std::unique_ptr<Attempt>> make_attempt(const wire::StartAttempt& start, std::uint64_t number) {
  FM_TRY(check_recipe(start));
  auto attempt = std::make_unique<Attempt>();
  attempt->number = number;
  attempt->grant = start.grant();
  attempt->staging = start.staging_directory();
  const wire::Recipe& recipe = attempt->grant.recipe();
  FM_ASSIGN(attempt->grid, read_grid(recipe.grid()));
  FM_ASSIGN(attempt->windows, read_windows(attempt->grant, attempt->grid));
  if (!recipe.frames().empty()) {
    FM_ASSIGN(attempt->frames, jobs::FrameSet::parse(recipe.frames()));
  }
  if (attempt->chains() && attempt->grid.context_frames == 0) return bad_recipe("a chain needs context frames");
  if (attempt->chains() &&
      attempt->windows.rbegin()->second - attempt->windows.begin()->second + 1 != attempt->windows.size())
    return bad_recipe("a chunk of a chain whose windows do not follow one another");
  const auto& work = *wire::model_work(recipe);
  if (work.width() < 0 || work.height() < 0 || (work.width() == 0) != (work.height() == 0))
    return bad_recipe(fmt::format("a picture size of {}x{}", work.width(), work.height()));
  attempt->next_task = attempt->grant.tasks().first();
  attempt->end_task = attempt->next_task + attempt->grant.tasks().count();
  attempt->alone = attempt->exact() || attempt->grant.batch_max() <= 1;
  const std::string& digest = wire::model_work(recipe)->model_digest();
  // Isolation: windows of two shows never share a batch.
  attempt->group = fmt::format(
      "{}/{}/{}/{}/{}x{}x{}/", base::to_hex({reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size()}),
      recipe.show(), wire::traits(recipe).name, attempt->alone ? "alone" : recipe.reproducibility(),
      wire::model_work(recipe)->width(), wire::model_work(recipe)->height(), attempt->grid.window_frames);
  return attempt;
}

jobs::FrameSet frames_of_window(const Attempt& attempt, std::uint32_t window) {
  const jobs::FrameSpan span = attempt.grid.new_frames(window);
  return attempt.frames.within(span.first, span.last);
}

gpu::WindowShape shape_of(const Attempt& attempt) {
  const gpu::Generator& generator = *attempt.model->generator;
  const auto& recipe = *wire::model_work(attempt.grant.recipe());
  const bool has_size = recipe.width() > 0;  // else the model's
  return {static_cast<int>(attempt.grid.time_ratio.latents(attempt.grid.window_frames)),
          has_size ? recipe.width() : generator.width(), has_size ? recipe.height() : generator.height()};
}

jobs::WindowChoice choice_of(const Attempt& attempt) {
  const auto& recipe = *wire::model_work(attempt.grant.recipe());
  jobs::WindowChoice choice;
  if (recipe.width() > 0) choice.size = jobs::PictureSize{recipe.width(), recipe.height()};
  choice.frames = attempt.grid.window_frames;
  return choice;
}

int context_latents(const Attempt& attempt) {
  return static_cast<int>(attempt.grid.time_ratio.latents(attempt.grid.context_frames));
}

std::vector<wire::InputFile> inputs_of(const Attempt& attempt, jobs::TaskIndex task) {
  std::vector<wire::InputFile> inputs;
  for (const wire::InputFile& input : attempt.grant.inputs())
    if (input.for_all_tasks() || input.task() == task) inputs.push_back(input);
  return inputs;
}

base::Result<gpu::WindowRequest> window_request(const Attempt& attempt, const TaskInFlight& task) {
  const wire::Recipe& recipe = attempt.grant.recipe();
  const auto& generate = *wire::model_work(recipe);
  gpu::WindowRequest request;
  request.prompt = generate.prompt();
  request.negative_prompt = generate.negative_prompt();
  request.seed = recipe.seed();
  request.steps = static_cast<int>(std::min<std::uint32_t>(generate.steps(), 100'000));
  request.guidance = static_cast<float>(generate.guidance());
  request.width = generate.width();
  request.height = generate.height();
  request.frames = static_cast<int>(attempt.grid.time_ratio.latents(attempt.grid.window_frames));
  request.first_frame = attempt.grid.first_latent(task.window);

  const bool wants_context = attempt.chains() && (task.window > 0 || generate.has_input());
  if (!wants_context) return request;
  const int context = context_latents(attempt);
  gpu::LatentBlock before;
  if (task.inputs.latents) {
    before = *task.inputs.latents;
  } else if (task.inputs.pictures) {
    FM_ASSIGN(before, attempt.model->generator->encode(*task.inputs.pictures));
  } else {
    return base::Error{"recipe.context", fmt::format("window {} of a chain came without its context", task.window), "",
                       ""};
  }
  if (before.frames < context)
    return base::Error{"recipe.context",
                       fmt::format("a context of {} latent frames; {} are wanted", before.frames, context), "", ""};
  if (task.inputs.latents) {
    FM_ASSIGN(request.clean_latents, attempt.model->generator->context(before, context));
  } else {
    request.clean_latents = gpu::slice_frames(before, before.frames - context, context);
  }
  for (int i = 0; i < context; ++i) request.clean_frames.push_back(i);
  return request;
}

AttemptEnd end_by(const base::Error& error, std::optional<jobs::TaskIndex> task) {
  AttemptEnd end{jobs::outcome_of(error), error.code, base::text_with_hint(error), std::nullopt, {},
                 base::root_of(error)};
  if (task) end.failed_tasks.push_back(*task);
  return end;
}

}  // namespace framemill::worker
