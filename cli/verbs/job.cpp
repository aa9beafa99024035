// framemill job JOB: one job with its layers, failures and outputs.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/clock.h"
#include "cli/forecast_text.h"
#include "cli/job_watch.h"
#include "cli/never_runs.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kLeversShown = 5;

Tone tone_of(const std::string& state) {
  if (state == "done") return Tone::Good;
  if (state == "failed") return Tone::Bad;
  return state == "running" ? Tone::Busy : Tone::Faint;
}

// Who paused, cancelled, retried it or changed its priority, and why.
std::string change_line(const JobView& job) {
  const ChangeView& change = job.last_change;
  if (change.principal.empty() || change.time == job.submitted) return {};
  return fmt::format("  last changed by {} at {}{}\n", change.principal, change.time,
                     change.reason.empty() ? "" : ": " + change.reason);
}

// Who holds it, since when, how long and why.
std::string hold_lines(const JobView& job) {
  std::string lines;
  for (const HoldView& hold : job.holds)
    lines +=
        fmt::format("  held ({}) by {} since {}{}{}\n", hold.kind, hold.principal, hold.since,
                    hold.until.empty() ? "" : " until " + hold.until, hold.reason.empty() ? "" : ": " + hold.reason);
  return lines;
}

// What keeps it from going on, and since when.
std::string condition_line(const JobView& job, const Terminal& terminal) {
  const ConditionView& condition = job.condition;
  // What is missing is listed below, with what it means.
  if (condition.kind.empty() || (condition.kind == "input_missing" && !job.missing_inputs.empty())) return {};
  const bool of_layer = !condition.layer.empty();
  return fmt::format("  {}{}: {}{} (`framemill explain {}{}` says more)\n",
                     paint(terminal, Tone::Warning, condition.words()),
                     condition.since.empty() ? "" : " since " + condition.since, of_layer ? condition.layer + ": " : "",
                     condition.reason, job.id, of_layer ? " --layer " + condition.layer : "");
}

// Frames; of a job that makes movies and sheets alone, those files.
std::string published_text(const JobView& job) {
  if (job.frames > 0) return fmt::format("{} of {}", job.frames_published, counted(job.frames, "frame"));
  std::int64_t published = 0, files = 0;
  for (const LayerView& layer : job.layers) {
    published += layer.files_published();
    files += layer.files();
  }
  return fmt::format("{} of {}", published, counted(files, "file"));
}

std::string forecast_text(const JobView& job, const Terminal& terminal) {
  std::string line = forecast_line(job.forecast, job.deadline, base::wall_now().unix_ms);
  if (line.empty()) return {};
  const bool goes_first = job.deadline_at_risk && !job.is_final();
  if (goes_first) line += ", at risk: it goes before others of its priority";
  return "  " + paint(terminal, goes_first || is_at_risk(job.forecast) ? Tone::Warning : Tone::Plain, line) + '\n';
}

// What would help it, each simulated by the scheduler; nothing where it cannot say, as an older one.
std::string levers_text(const JobView& job, Session& session) {
  const auto server = session.api();
  if (!server.ok()) return {};
  const auto answer = (*server)->get(fmt::format("/api/v1/jobs/{}/forecast?levers=true", job.id));
  if (!answer.ok()) return {};
  const auto levers = read_levers(*answer);
  if (!levers.ok()) return {};
  std::string out;
  for (std::size_t i = 0; i < std::min(levers->size(), kLeversShown); ++i)
    out += fmt::format("    {}\n", (*levers)[i].sentence);
  if (out.empty()) return "  what would help: nothing that was tried (priority, rivals, slots, steps, variants)\n";
  return "  what would help:\n" + out;
}

void print_head(const JobView& job, Session& session) {
  std::string place = job.show;
  for (const std::string& part : {job.sequence, job.shot})
    if (!part.empty()) place += "/" + part;
  session.out() << paint(session.terminal(), Tone::Strong, fmt::format("job {} {}", job.id, job.name)) << "  "
                << paint(session.terminal(), tone_of(job.state), job.state) << '\n'
                << (job.remake_of ? fmt::format("  makes published files of job {} again\n", *job.remake_of) : "")
                << fmt::format("  {} v{:03}, priority {}, submitted by {} at {}\n", place, job.version, job.priority,
                               job.principal, job.submitted)
                << hold_lines(job) << change_line(job) << condition_line(job, session.terminal())
                << fmt::format("  {} published in {}", published_text(job), clock_text(elapsed_ms_of(job)));
  if (job.eta_ms && !job.is_final()) session.out() << ", " << roughly(*job.eta_ms) << " left";
  session.out() << '\n' << forecast_text(job, session.terminal());
  session.out() << fmt::format("  {}, {}, tries charged {}, windows run twice {}, device time {:.1f} s\n",
                               counted(job.attempts, "attempt"), counted(job.model_loads, "model load"), job.retries,
                               job.windows_run_twice, static_cast<double>(job.device_us) / 1e6);
}

void print_layers(const JobView& job, Session& session) {
  Table table({{"LAYER"},
               {"KIND"},
               {"SHOT", Align::Left, true},
               {"STATE"},
               {"FRAMES", Align::Right},
               {"WINDOWS", Align::Right},
               {"VARIANTS", Align::Right},
               {"RETRIED", Align::Right},
               {"FAILED", Align::Right}});
  for (const LayerView& layer : job.layers)
    table.add({layer.name,
               layer.kind,
               layer.shot,
               {layer.condition.kind.empty() ? layer.state : layer.state + ", " + layer.condition.words(),
                layer.condition.kind.empty() ? tone_of(layer.state) : Tone::Warning},
               fmt::format("{}/{}", layer.files_published(), layer.files()),
               std::to_string(layer.windows),
               std::to_string(layer.variants),
               std::to_string(layer.retried),
               {std::to_string(layer.failed), layer.failed > 0 ? Tone::Bad : Tone::Plain}});
  if (!table.empty()) session.out() << '\n' << table.text(session.terminal());
}

void print_failures(const JobView& job, Session& session) {
  if (job.failures.empty()) return;
  session.out() << "\nfailures\n";
  for (const FailureView& failure : job.failures) {
    session.out() << fmt::format("  {}: {} failed: {} [{}]\n", failure.layer, counted(failure.count, "task"),
                                 failure.message, paint(session.terminal(), Tone::Bad, failure.code));
    std::string command = fmt::format("framemill logs {} --layer {}", job.id, failure.layer);
    if (failure.first_frame) command += fmt::format(" --frame {}", *failure.first_frame);
    session.out() << "    see " << command << '\n';
  }
}

void print_missing(const JobView& job, Session& session) {
  if (job.missing_inputs.empty()) return;
  session.out() << "\nmissing inputs\n";
  for (const MissingInputView& missing : job.missing_inputs) {
    session.out() << fmt::format("  {} waits for {} (frame {})", missing.layer,
                                 paint(session.terminal(), Tone::Warning, missing.root + ":" + missing.path),
                                 missing.frame);
    if (missing.files > 1) session.out() << " and " << counted(missing.files - 1, "more file");
    if (!missing.since.empty()) session.out() << fmt::format(", missing since {}", missing.since);
    session.out() << '\n';
    if (missing.fails_in_ms)
      session.out() << fmt::format("    the task fails in {} if the file does not come\n",
                                   roughly(*missing.fails_in_ms));
    else
      session.out() << fmt::format("    no worker can look for it, so this time does not count: {}\n", missing.problem);
  }
}

// Its published files that were made again, and what came of it.
void print_remakes(const JobView& job, Session& session) {
  if (job.remakes.empty()) return;
  session.out() << "\nmade again\n";
  for (const RemakeView& remake : job.remakes) {
    session.out() << fmt::format("  job {}, {}: requested by {} at {}{}{}\n", remake.job,
                                 paint(session.terminal(), tone_of(remake.state), remake.state), remake.principal,
                                 remake.time, remake.replaces ? ", to replace" : "",
                                 remake.reason.empty() ? "" : ": " + remake.reason);
    for (const RemadeFileView& file : remake.files) {
      session.out() << fmt::format("    {} {}:{}\n", file.outcome, file.root, file.path);
      if (file.made_sha256.empty() || file.made_sha256 == file.recorded_sha256) continue;
      session.out() << fmt::format("      recorded {}\n      made now {}\n", file.recorded_sha256, file.made_sha256);
      if (file.outcome == "differs")
        session.out() << fmt::format(
            "      nothing was changed; framemill retry {} --layer {}{} --remake --replace publishes it\n",
            job.remake_of.value_or(job.id), file.layer, file.frame ? fmt::format(" --frames {}", *file.frame) : "");
    }
    const auto shown = static_cast<std::int64_t>(remake.files.size());
    if (remake.files_count > shown) session.out() << fmt::format("    and {} more\n", remake.files_count - shown);
  }
}

void print_outputs(const JobView& job, Session& session) {
  if (job.outputs.empty()) return;
  session.out() << "\noutputs\n";
  for (const OutputView& output : job.outputs) {
    session.out() << fmt::format("  {} t{:02}: {}:{}", output.layer, output.variant, output.root, output.first);
    if (output.last != output.first)
      session.out() << fmt::format("\n    to {} ({})", output.last, counted(output.files, "file"));
    session.out() << '\n';
  }
}

struct Options {
  std::string name;
  bool levers = false;
};

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const std::string target, session.job_target(options.name));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get(target));
  FM_ASSIGN(const JobView job, read_job(answer));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  print_head(job, session);
  if (!job.is_final()) session.out() << never_runs_text(session, job.id);
  if (!job.is_final() && (options.levers || is_at_risk(job.forecast))) session.out() << levers_text(job, session);
  print_layers(job, session);
  print_missing(job, session);
  print_failures(job, session);
  print_remakes(job, session);
  print_outputs(job, session);
  return ExitCode::Ok;
}

}  // namespace

void declare_job(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("job", "Show a job with its layers, failures and outputs", "framemill job last");
  verb.positional("JOB", options->name, "Job number, or last for your newest");
  verb.flag("--levers", options->levers, "Simulate what would help, also where no deadline is at risk");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
