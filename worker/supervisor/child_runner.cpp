#include "worker/supervisor/child_runner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "base/error_text.h"
#include "base/os_error.h"
#include "base/text.h"
#include "jobs/attempt_error.h"
#include "jobs/file_kind.h"
#include "wire/recipe_kind.h"
#include "worker/supervisor/keeper.h"
#include "worker/supervisor/process_work.h"
#include "worker/supervisor/shared_staging.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using base::SystemError;

using jobs::AttemptError;
using jobs::Outcome;

// Why a program was never started: the host's condition, or what the task asked for.
base::Error start_error(int error_number, const std::string& program) {
  std::string_view code = base::process_code(error_number);
  if (code.empty()) code = base::storage_code(error_number);
  if (code.empty()) code = jobs::text_of(AttemptError::CannotStart);
  const std::string message = fmt::format("{} was not started: {}", program, std::strerror(error_number));
  base::Error error{std::string(code), message, "", ""};
  if (error_number == ENOENT) error.hint = "is it installed on this host, with the interpreter its first line names?";
  if (error_number == ENOEXEC) error.hint = "a script needs a first line such as #!/bin/sh";
  if (error_number == E2BIG) error.hint = "its arguments are too long: set a smaller chunk";
  return error;
}

constexpr base::Duration kTellPause = base::milliseconds(200);
constexpr std::size_t kCommandTextMax = 2048;

// A line of ours in the record of a program's output.
std::string log_line(const std::string& text) {
  const auto seconds = static_cast<std::time_t>(base::wall_now().unix_ms / 1000);
  return fmt::format("[{:%Y-%m-%dT%H:%M:%SZ}] {}\n", fmt::gmtime(seconds), text);
}

constexpr std::string_view kPlainInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

// As it could be typed into a shell.
std::string command_text(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& argument : argv) {
    const bool plain = !argument.empty() && argument.find_first_not_of(kPlainInShell) == std::string::npos;
    std::string word = argument;
    for (std::size_t at = 0; !plain && (at = word.find('\'', at)) != std::string::npos; at += 4)
      word.replace(at, 1, "'\\''");
    text += (text.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
    if (text.size() > kCommandTextMax) break;
  }
  return text.size() > kCommandTextMax ? std::string(base::first_bytes(text, kCommandTextMax)) + " ..."
                                       : base::clean_text(text, 2 * kCommandTextMax);
}

std::string end_text(const ProcessEnd& end, std::uint64_t ran_us) {
  const std::string after = fmt::format(" after {:.1f} s", static_cast<double>(ran_us) / 1e6);
  if (end.start_error == kConfinementFailed) return "not started: it could not be confined";
  if (end.start_error != 0) return fmt::format("not started: {}", std::strerror(end.start_error));
  if (end.signal != 0) return fmt::format("signal {}{}", end.signal, after);
  return fmt::format("exit status {}{}", end.exit_status, after);
}

std::uint64_t microseconds_since(base::Instant start) {
  return static_cast<std::uint64_t>((base::monotonic_now() - start).ms) * 1000;
}

}  // namespace

bool parse_progress_line(std::string_view line, std::uint32_t& step, std::uint32_t& steps) {
  constexpr std::string_view kWord = "progress ";
  if (!line.starts_with(kWord)) return false;
  const char* at = line.data() + kWord.size();
  const char* end = line.data() + line.size();
  const auto first = std::from_chars(at, end, step);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return false;
  return std::from_chars(first.ptr + 1, end, steps).ec == std::errc();
}

namespace {

constexpr std::string_view kInRoot = " in ";

}  // namespace

std::optional<base::Error> error_of_media(std::string_view last_line) {
  const std::size_t colon = last_line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view code = last_line.substr(0, colon), root;
  if (const std::size_t in = code.find(kInRoot); in != std::string_view::npos) {
    root = code.substr(in + kInRoot.size());
    code = code.substr(0, in);
  }
  const auto error = jobs::attempt_error_from_code(code);
  const bool known = error ? jobs::attempt_error_row(*error).of_input || *error == AttemptError::FfmpegMissing
                           : base::system_error_from_code(code).has_value();
  if (!known) return std::nullopt;
  return base::in_root({std::string(code), std::string(last_line.substr(colon + 2)), "", ""}, root);
}

ChildRunner::ChildRunner(net::EventLoop& loop, IoThread& io, RootTable roots, ChildRunnerSettings settings,
                         wire::Grant grant, TaskRange tasks, Callbacks callbacks)
    : loop_(loop), io_(io), roots_(std::move(roots)), settings_(std::move(settings)), grant_(std::move(grant)),
      tasks_(tasks), attempt_(attempt_of(grant_)), callbacks_(std::move(callbacks)),
      media_(wire::traits(grant_.recipe()).runner == jobs::Runner::Media) {
  progress_.task = tasks_.first;
}

std::shared_ptr<ChildRunner> ChildRunner::start(net::EventLoop& loop, IoThread& io, RootTable roots,
                                                ChildRunnerSettings settings, wire::Grant grant, TaskRange tasks,
                                                Callbacks callbacks) {
  std::shared_ptr<ChildRunner> runner(
      new ChildRunner(loop, io, std::move(roots), std::move(settings), std::move(grant), tasks, std::move(callbacks)));
  runner->started_ = base::monotonic_now();
  runner->inputs_until_ = runner->started_ + runner->settings_.inputs_timeout;
  runner->look_at_inputs();
  return runner;
}

void ChildRunner::look_at_inputs() {
  on_io([roots = roots_, grant = grant_, tasks = tasks_] { return check_inputs(roots, grant, tasks); },
        [](ChildRunner& self, CheckedInputs seen) { self.on_inputs(std::move(seen)); });
}

void ChildRunner::on_inputs(CheckedInputs seen) {
  if (stopped_) return end(Outcome::Revoked, "", "");
  if (seen.failed) {
    const CheckedInputs::Failed& failed = *seen.failed;
    // What the farm made becomes visible here soon; a file from elsewhere is looked for without holding a slot.
    if (is(failed.error, AttemptError::InputNotVisible) && failed.is_promised() &&
        base::monotonic_now() < inputs_until_) {
      retry_ = loop_.call_after(settings_.inputs_pause, [self = shared_from_this()] { self->look_at_inputs(); });
      return;
    }
    bad_frame_ = failed.input.frame();
    if (!failed.input.for_all_tasks()) failed_tasks_.push_back(failed.input.task());
    return end(failed.error);
  }
  read_ = std::move(seen.files);
  const auto root = roots_.find(grant_.recipe().root());
  if (root == roots_.end())
    return end(base::error_of(AttemptError::RootMissing, "this host does not see the root of the outputs"));
  const std::string staging = (root->second->path() / staging_path(attempt_)).string();
  if (media_) {
    auto files = plan_media_files(grant_, tasks_);
    if (!files.ok()) return end(files.error());
    plan_.expected = std::move(*files);
    plan_.argv = {settings_.media.string(), std::string(wire::traits(grant_.recipe()).name), staging + "/attempt.bin",
                  "--staging", staging};
    return make_directories();
  }
  auto plan = plan_command(grant_, tasks_, settings_.commands, staging);
  if (!plan.ok()) return end(plan.error());
  plan_ = std::move(*plan);
  make_directories();
}

// Of a command that runs as another user than the worker.
std::optional<JobUser> ChildRunner::program_user() const {
  const bool other = !media_ && settings_.access.mode != ConfinementMode::Off;
  return other ? settings_.access.user : std::nullopt;
}

void ChildRunner::make_directories() {
  on_io(
      [roots = roots_, grant = grant_, plan = plan_, user = program_user()]() -> base::Result<Tree> {
        FM_ASSIGN(const Tree made, make_work_directories(roots, grant, plan));
        if (user) FM_TRY(share_staging(*roots.at(grant.recipe().root()), staging_path(attempt_of(grant)), *user));
        return made;
      },
      [](ChildRunner& self, const base::Result<Tree>& made) {
        if (self.stopped_) return self.end(Outcome::Revoked, "", "");
        if (!made.ok()) return self.end(made.error());
        self.staging_ = *made;
        self.launch();
      });
}

ChildSettings ChildRunner::child_settings(std::vector<std::string> argv) const {
  const std::string& staging = staging_.path;
  ChildSettings child;
  child.confinement = command_confinement(settings_.access, roots_, staging_);
  child.keeper = settings_.keeper;
  child.spawn.argv = std::move(argv);
  child.spawn.environment = settings_.environment;
  std::erase_if(child.spawn.environment, [](const std::string& entry) { return entry.starts_with("HOME="); });
  for (const char* variable : {"TMPDIR", "HOME"})
    child.spawn.environment.push_back(fmt::format("{}={}/{}", variable, staging, kTemporaryName));
  child.spawn.directory = staging;
  child.spawn.cpus = settings_.cpus;
  child.spawn.niceness = settings_.niceness;
  child.spawn.data_bytes_max = settings_.memory.data_bytes_max();
  child.spawn.cgroup_procs = settings_.memory.cgroup_procs();
  child.spawn.processes_more_max = kCommandProcessesMax;
  return child;
}

ChildSettings ChildRunner::media_child(std::vector<std::string> argv) const {
  for (const auto& [name, directory] : roots_) {
    argv.emplace_back("--root");
    argv.push_back(name + "=" + directory->path().string());
  }
  ChildSettings child = child_settings(std::move(argv));
  child.confinement = media_confinement(settings_.access, roots_, staging_);
  child.keep_output = false;  // it talks to the worker there
  return child;
}

void ChildRunner::launch() {
  ChildSettings child = media_ ? media_child(plan_.argv) : child_settings(plan_.argv);
  child.first_line = log_line("$ " + command_text(plan_.argv));
  memory_kills_before_ = settings_.memory.kills();
  forks_refused_before_ = settings_.memory.forks_refused();
  host_refused_before_ = settings_.limits.forks_refused();
  launched_ = base::monotonic_now();
  // Weak: the child belongs to this object.
  const std::weak_ptr<ChildRunner> weak = weak_from_this();
  auto started = ChildProcess::start(loop_, std::move(child),
                                     {[weak](std::string_view line) {
                                        if (const auto self = weak.lock()) self->on_line(line);
                                      },
                                      [weak] {
                                        if (const auto self = weak.lock()) self->on_output();
                                      },
                                      [weak](const ProcessEnd& end, const OutputTail& tail) {
                                        if (const auto self = weak.lock()) self->on_end(end, tail);
                                      }});
  if (!started.ok()) return end(launch_error(started.error()));
  child_ = std::move(*started);
  on_output();
}

// What was printed is told a little later, with what follows at once.
void ChildRunner::on_output() {
  if (telling_.pending() || !callbacks_.on_output) return;
  telling_ = loop_.call_after(kTellPause, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && self->child_)
      self->callbacks_.on_output(self->attempt_, self->child_->output().text());
  });
}

// The keeper itself could not be started.
base::Error ChildRunner::launch_error(const base::Error& error) const {
  const bool too_long = is(error, SpawnError::TooLong);
  if (too_long && !media_) return start_error(E2BIG, plan_.argv[0]);
  if (!too_long && !is(error, SpawnError::Failed)) return error;  // the host, or its storage
  return base::error_of(SystemError::Installation, error.message, "",
                        "see that this worker's programs are installed and can be executed");
}

// What the kernel did and what was measured; what the program says of memory is no evidence.
bool ChildRunner::ran_out_of_memory(const ProcessEnd& process_end) const {
  return settings_.memory.kills() > memory_kills_before_ ||
         (process_end.exit_status != 0 && settings_.memory.was_reached(process_end.resident_bytes_peak));
}

void ChildRunner::on_line(std::string_view line) {
  if (!media_ || !parse_progress_line(line, progress_.step, progress_.steps)) return;
  progress_.detail = wire::traits(grant_.recipe()).activity;
  callbacks_.on_progress(attempt_, progress_);
}

void ChildRunner::on_end(const ProcessEnd& process_end, const OutputTail& tail) {
  const std::string last = child_->has_printed() ? tail.last_line() : "";
  child_.reset();
  telling_.cancel();
  ran_us_ = microseconds_since(launched_);
  OutputTail record = tail;
  record.add((tail.ends_line() ? "" : "\n") + log_line(end_text(process_end, ran_us_)));
  tail_ = record.text();
  if (stopped_) return end(Outcome::Revoked, "", "");
  if (cut_short_ && process_end.exit_status != 0) {
    failure_ = {"command.stopped", "The command was stopped.", "", ""};
    return needs_check(grant_, plan_.expected) ? check_outputs(CheckScope::Outputs) : fail_as_it_did();
  }
  const char* what = media_ ? "framemill-media" : "The command";
  if (process_end.start_error == kConfinementFailed)
    return end(base::error_of(SystemError::Installation,
                              fmt::format("The program could not be confined: {}", tail.last_line()), "",
                              "see [confinement] in docs/worker-toml.md"));
  if (process_end.start_error != 0) {
    const base::Error error = start_error(process_end.start_error, plan_.argv[0]);
    return end(media_ && is(error, AttemptError::CannotStart)
                   ? base::error_of(SystemError::Installation, error.message, "", error.hint)
                   : error);
  }
  if (ran_out_of_memory(process_end))
    return end(Outcome::Oom, "command.host_memory",
               fmt::format("{} used more host memory than the slot's cap of {} MiB (raise host_memory of the slot in "
                           "worker.toml, or use less)",
                           what, settings_.memory.bytes_max() >> 20));
  if (process_end.exit_status != 0) {
    const std::string how = process_end.signal != 0 ? fmt::format("was ended by signal {}", process_end.signal)
                                                    : fmt::format("ended with exit status {}", process_end.exit_status);
    if (const auto error = media_ ? error_of_media(last) : std::nullopt) return end(*error);
    failure_ = {media_ ? "media.failed" : (process_end.signal != 0 ? "command.signal" : "command.exit"),
                last.empty() ? fmt::format("{} {}.", what, how) : fmt::format("{} {}: {}", what, how, last), "", ""};
    if (settings_.memory.forks_refused() > forks_refused_before_)
      failure_ = {"command.processes",
                  fmt::format("{} (it had reached the limit of {} processes and threads)", failure_.message,
                              kCommandProcessesMax),
                  "", ""};
    if (tasks_.count > 1 && needs_check(grant_, plan_.expected)) return check_outputs(CheckScope::Outputs);
    return reads_pictures() ? check_outputs(CheckScope::InputsOnly) : fail_as_it_did();
  }
  if (is_opened(grant_, plan_.expected)) return check_outputs(CheckScope::Outputs);
  collect({});
}

bool ChildRunner::reads_pictures() const {
  return !media_ && std::any_of(read_.begin(), read_.end(), [](const wire::InputFile& input) {
    const jobs::FileKind kind = jobs::file_kind(input.path());
    return kind == jobs::FileKind::FrameFile || kind == jobs::FileKind::Picture;
  });
}

void ChildRunner::fail_as_it_did() {
  fail_unless_host_did(failure_);
}

void ChildRunner::collect(CheckAnswer answer) {
  on_io(
      [root = roots_.at(grant_.recipe().root()), grant = grant_, expected = plan_.expected, read = read_,
       duration = ran_us_, user = program_user(), answer = std::move(answer)] {
        if (user) take_over_outputs(*root, grant, expected);
        return collect_outputs(*root, grant, expected, read, duration, answer);
      },
      [](ChildRunner& self, Collected collected) { self.on_collected(std::move(collected)); });
}

template <class Then>
void ChildRunner::unless_host_failed(base::Error error, Then then) {
  const bool refused = settings_.memory.forks_refused() > forks_refused_before_ ||
                       settings_.limits.forks_refused() > host_refused_before_;
  const auto user = program_user();
  on_io(
      [root = roots_.at(grant_.recipe().root()), grant = grant_, limits = settings_.limits, refused,
       uid = user ? user->uid : ::getuid()]() -> base::Status {
        FM_TRY(limits.shortage(refused, uid));
        return probe_storage(*root, grant);
      },
      [error = std::move(error), then](ChildRunner& self, const base::Status& host) {
        if (self.stopped_) return self.end(Outcome::Revoked, "", "");
        if (host.ok() || jobs::outcome_of(host.error()) == Outcome::Failed) return then(self, error);
        self.bad_frame_.reset();
        self.failed_tasks_.clear();
        self.end(base::in_root(host.error().wrapped(error.message), self.grant_.recipe().root()));
      });
}

void ChildRunner::fail_unless_host_did(base::Error error) {
  unless_host_failed(std::move(error), [](ChildRunner& self, const base::Error& found) { self.keep_good(found); });
}

void ChildRunner::refuse_unless_host_did(base::Error error) {
  if (!jobs::outcome_row(jobs::outcome_of(error)).charged) return end(error);
  unless_host_failed(std::move(error), [](ChildRunner& self, const base::Error& found) { self.end(found); });
}

// What a chunk had made before its program failed is not made again.
void ChildRunner::keep_good(const base::Error& error) {
  // Files that are opened before they count have been collected by what the check said of them.
  if (media_ || tasks_.count == 1 || needs_check(grant_, plan_.expected)) return end(error);
  on_io(
      [root = roots_.at(grant_.recipe().root()), grant = grant_, expected = plan_.expected, read = read_,
       duration = ran_us_, user = program_user()] {
        if (user) take_over_outputs(*root, grant, expected);
        return collect_good(*root, grant, expected, read, duration);
      },
      [error](ChildRunner& self, const std::vector<wire::FinishedTask>& good) {
        self.tell_finished(good);
        self.end(error);
      });
}

void ChildRunner::on_collected(Collected collected) {
  tell_finished(collected.finished);
  if (!failure_.code.empty()) return fail_as_it_did();
  if (collected.errors.empty()) return end(Outcome::Ok, "", "");
  const CollectError& first = collected.errors.front();
  if (first.has_frame) bad_frame_ = first.frame;
  for (const CollectError& failed : collected.errors)
    if (failed.has_task) failed_tasks_.push_back(failed.task);
  refuse_unless_host_did(first.error);
}

void ChildRunner::tell_finished(const std::vector<wire::FinishedTask>& finished) {
  for (const wire::FinishedTask& task : finished)
    callbacks_.on_finished({attempt_,
                            {JobId(task.job()), task.phase()},
                            task.task(),
                            static_cast<std::uint32_t>(task.files_size()),
                            task.duration_us(),
                            task.SerializeAsString()});
}

std::optional<std::uint64_t> ChildRunner::work_done() const {
  const std::uint64_t reading = io_.processor_us();
  if (!child_) return reading;
  const auto ticks = processor_ticks_of_tree(child_->pid());
  if (!ticks) return std::nullopt;
  return reading + *ticks;
}

void ChildRunner::stop(bool keep_finished) {
  const bool keeps = keep_finished && !media_ && tasks_.count > 1;
  // The program has ended, and what it made is being looked at: that has a limit of its own.
  if (keeps && launched_ != base::Instant{} && (!child_ || checking_)) return;
  if (keeps && child_) {
    cut_short_ = true;
    return child_->stop();
  }
  stopped_ = true;
  if (child_) return child_->stop();
  if (retry_.pending()) {
    retry_.cancel();
    end(Outcome::Revoked, "", "");
  }
}

void ChildRunner::end(const base::Error& error) {
  storage_root_ = base::root_of(error);
  end(jobs::outcome_of(error), error.code, base::text_with_hint(error));
}

void ChildRunner::end(Outcome outcome, std::string code, std::string text) {
  if (std::exchange(ended_, true)) return;
  EndedAttempt ended;
  ended.attempt = attempt_;
  ended.outcome = outcome;
  ended.code = std::move(code);
  ended.text = std::move(text);
  ended.frame = bad_frame_;
  ended.failed_tasks = failed_tasks_;
  ended.storage_root = storage_root_;
  ended.alone = true;
  ended.output_tail = tail_;
  // The slot was the program's alone while it ran.
  (outcome == Outcome::Ok ? ended.usage.compute_us : ended.usage.lost_us) = ran_us_;
  ended.usage.wall_us = microseconds_since(started_);
  callbacks_.on_ended(std::move(ended));
}

}  // namespace framemill::worker
