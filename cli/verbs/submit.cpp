// framemill submit FILE...: hands specs to the scheduler and prints the numbers of the jobs.
#include <fmt/format.h>

#include <ostream>

#include "base/clock.h"
#include "base/file.h"
#include "base/rfc3339.h"
#include "base/sha256.h"
#include "cli/diagnostics.h"
#include "cli/exit_code.h"
#include "cli/job_watch.h"
#include "cli/moments.h"
#include "cli/never_runs.h"
#include "cli/spec_source.h"
#include "cli/verbs/follow.h"
#include "cli/verbs/verbs.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kPatience = base::seconds(60);  // of --watch, for a scheduler that is away
constexpr int kTries = 4;  // of one submit while the server cannot be reached; the key makes repeats harmless

struct Options {
  std::vector<std::string> files, set;
  std::string reason, deadline, start_after;
  std::vector<std::string> after_jobs;
  bool quiet = false, watch = false;
};

base::Status add_moment(jobs::SpecOverrides& overrides, const std::string& key, const std::string& flag,
                        const std::string& text) {
  if (text.empty()) return {};
  const auto moment = moment_of(text, base::wall_now());
  if (!moment) return base::Error{"usage.time", flag + ": not a moment", flag, std::string(kMomentExamples)};
  overrides.emplace_back(key, base::format_rfc3339(*moment, base::Milliseconds::WhereAny));
  return {};
}

// What --set and the flags that stand for keys change in each spec.
base::Result<jobs::SpecOverrides> overrides_of(const Options& options) {
  FM_ASSIGN(jobs::SpecOverrides overrides, parse_overrides(options.set));
  FM_TRY(add_moment(overrides, "deadline", "--deadline", options.deadline));
  FM_TRY(add_moment(overrides, "start_after", "--start-after", options.start_after));
  if (options.after_jobs.empty()) return overrides;
  json::array jobs;
  for (const std::string& job : options.after_jobs) jobs.emplace_back(job);
  overrides.emplace_back("after_job", json::serialize(jobs));
  return overrides;
}

json::object envelope(const SpecSource& source, const jobs::SpecOverrides& overrides, const std::string& reason) {
  json::array pairs;
  for (const auto& [key, value] : overrides) pairs.push_back(json::array{key, value});
  return {{"spec", source.text},
          {"format", source.is_json() ? "json" : "toml"},
          {"overrides", std::move(pairs)},
          {"reason", reason}};
}

base::Result<json::value> post_spec(Session& session, const json::object& body) {
  FM_ASSIGN(Api* server, session.api());
  const std::string random = base::random_bytes(16);
  const std::string key = base::to_hex({reinterpret_cast<const std::uint8_t*>(random.data()), random.size()});
  for (int attempt = 1;; ++attempt) {
    auto answer = server->post("/api/v1/jobs", body, {{"Idempotency-Key", key}});
    const bool unreachable = !answer.ok() && is_unreachable(answer.error());
    if (!unreachable || attempt == kTries) return answer;
    if (!pause_for(session, base::milliseconds(250 * attempt)))
      return base::error_of(net::NetError::Interrupted, "interrupted; the job may have been submitted", {},
                            "framemill jobs shows it");
  }
}

// Findings as the server told them, with their places where the text has them.
base::Result<ExitCode> refuse(const SpecSource& source, const jobs::SpecOverrides& overrides,
                              std::vector<jobs::SpecError> errors, Session& session, json::array& items) {
  place_and_order(errors, source, overrides);
  if (session.json())
    items.push_back(json::object{{"file", source.name}, {"errors", json::parse(jobs::errors_json(errors))}});
  else
    session.err() << diagnostics_text(errors, source.name, source.text, session.terminal());
  return ExitCode::Usage;
}

base::Result<ExitCode> submit_one(const Options& options, const SpecSource& source,
                                  const jobs::SpecOverrides& overrides, Session& session, json::array& items,
                                  std::vector<std::int64_t>& submitted) {
  if (auto error = jobs::encoding_error(source.text))
    return refuse(source, overrides, {*std::move(error)}, session, items);
  auto answer = post_spec(session, envelope(source, overrides, options.reason));
  if (!answer.ok()) {
    FM_ASSIGN(Api* server, session.api());
    if (server->last_spec_errors().empty()) return answer.error();
    return refuse(source, overrides, spec_errors_from_json(server->last_spec_errors()), session, items);
  }
  JsonReader reader(*answer, "submitted");
  const std::int64_t job = reader.integer("job"), version = reader.integer("version");
  FM_TRY(reader.status());
  submitted.push_back(job);
  if (session.json()) {
    json::object item{{"file", source.name}};
    for (const auto& field : answer->as_object()) item.insert(field);
    items.push_back(std::move(item));
  } else if (options.quiet) {
    session.out() << job << '\n';
  } else {
    const json::value* warnings = answer->as_object().if_contains("warnings");
    session.out() << fmt::format("job {} submitted, version {} of its shots\n  watch it: framemill follow {}\n", job,
                                 version, job)
                  << never_runs_text(session, job);
    for (const std::string& warning : warnings == nullptr ? std::vector<std::string>{} : reader.texts("warnings"))
      session.out() << fmt::format("  {}: {}\n", paint(session.terminal(), Tone::Warning, "warning"), warning);
    FM_TRY(reader.status());
  }
  session.out() << std::flush;
  return ExitCode::Ok;
}

// All files are read before the first is submitted: a wrong name then leaves no half of a list on the farm.
base::Result<ExitCode> run(const Options& options, Session& session) {
  if (options.watch && (options.quiet || session.json()))
    return base::Error{"usage.watch", "--watch goes with neither --quiet nor --json", "--watch",
                       "see framemill follow"};
  FM_ASSIGN(const jobs::SpecOverrides overrides, overrides_of(options));
  std::vector<SpecSource> sources;
  for (const std::string& file : options.files) {
    FM_ASSIGN(SpecSource source, read_spec_source(file, session.standard_input()));
    sources.push_back(std::move(source));
  }
  json::array items;
  base::Result<ExitCode> worst = ExitCode::Ok;
  std::vector<std::int64_t> submitted;
  for (const SpecSource& source : sources) {
    auto code = submit_one(options, source, overrides, session, items, submitted);
    if (!code.ok() || *code != ExitCode::Ok) worst = std::move(code);
    if (!worst.ok()) break;  // the server's trouble, or no right to submit: the next would end alike
  }
  if (sources.size() > 1 && submitted.size() < sources.size())  // who mends one must not submit the others again
    session.err() << fmt::format("{} of {} jobs submitted\n", submitted.size(), sources.size());
  if (session.json() && (worst.ok() || !items.empty())) session.print_json(json::object{{"items", std::move(items)}});
  for (const std::int64_t job : options.watch ? submitted : std::vector<std::int64_t>()) {
    auto code = follow_job(session, job, kPatience, Display::Live);
    if (!code.ok() || *code == ExitCode::Interrupted) return code;
    if (*code != ExitCode::Ok && worst.ok()) worst = std::move(code);
  }
  return worst;
}

}  // namespace

void declare_submit(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("submit", "Submit jobs",
                                "framemill submit shot.toml --set layer.boards.prompt=\"snowy hills at dusk\"");
  verb.positional("FILE", options->files, "Job specs, TOML or JSON; - reads standard input");
  verb.option("--set", options->set, "KEY=VALUE", "Set a key of the spec; repeatable");
  verb.option("--deadline", options->deadline, "TIME", "When it is wanted: 18:00, 2h from now, RFC 3339");
  verb.option("--start-after", options->start_after, "TIME", "Start it then: 22:00, 2h from now, RFC 3339");
  verb.option("--after-job", options->after_jobs, "JOB",
              "Start it when JOB is done: 12, NAME, NAME@VERSION; repeatable");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("-q,--quiet", options->quiet, "Print only job IDs");
  verb.flag("--watch", options->watch, "Then follow the jobs until they are finished; the exit code says how");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
