// framemill jobs: jobs of the farm, newest first.
#include <fmt/format.h>

#include <ostream>

#include "base/clock.h"
#include "cli/output_file.h"
#include "cli/table.h"
#include "cli/trace_export.h"
#include "cli/verbs/job_selection.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

struct Options {
  bool live = false, mine = false;
  JobSelection selection;
  std::string export_trace;
  std::optional<std::int64_t> limit;
};

Tone tone_of(const std::string& state) {
  if (state == "done") return Tone::Good;
  if (state == "failed") return Tone::Bad;
  return state == "running" ? Tone::Busy : Tone::Faint;
}

std::string place_of(const JobView& job) {
  std::string place = job.show;
  for (const std::string& part : {job.sequence, job.shot})
    if (!part.empty()) place += "/" + part;
  return place;
}

constexpr std::size_t kAttemptsMax = 100'000;  // of one job in a trace

// The listed jobs as a trace of the policy simulator.
base::Result<ExitCode> export_trace(const Options& options, const json::array& items, Api& server, Session& session) {
  TraceExport trace;
  FM_ASSIGN(const json::value workers, server.get("/api/v1/workers"));
  JsonReader list(workers, "workers");
  FM_TRY(trace.add_workers(list.list("items")));
  FM_TRY(list.status());
  for (const json::value& item : items) {
    FM_ASSIGN(const JobView job, read_job_summary(item));
    const std::string target = fmt::format("/api/v1/jobs/{}", job.id);
    FM_ASSIGN(const json::value plan, server.get(target + "/plan"));
    FM_ASSIGN(const json::array attempts, server.get_pages(target + "/attempts", kAttemptsMax));
    FM_TRY(trace.add_job(item, plan, attempts));
  }
  FM_TRY(write_output_file(options.export_trace, trace.text()));
  session.out() << fmt::format("{}: {} of {} jobs; run it with framemill-sim policy\n", options.export_trace,
                               trace.jobs(), items.size());
  return ExitCode::Ok;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const std::int64_t limit = options.limit.value_or(20);
  if (limit < 1 || limit > 100000) return base::Error{"usage.limit", "--limit must be 1 to 100000", "--limit", {}};
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(auto query, parameters_of(options.selection));
  if (options.live) query.emplace_back("live", "true");
  if (options.mine) query.emplace_back("mine", "true");
  FM_ASSIGN(const json::array items,
            server->get_pages("/api/v1/jobs" + query_text(query), static_cast<std::size_t>(limit)));
  if (!options.export_trace.empty()) return export_trace(options, items, *server, session);
  if (session.json()) {
    session.print_json(json::object{{"items", items}});
    return ExitCode::Ok;
  }
  Table table({{"JOB", Align::Right},
               {"STATE"},
               {"CONDITION"},
               {"NAME", Align::Left, true},
               {"SHOT", Align::Left, true},
               {"VER", Align::Right},
               {"FRAMES", Align::Right},
               {"READY"},
               {"ODDS", Align::Right},
               {"PRI", Align::Right},
               {"BY", Align::Left, true},
               {"SUBMITTED"}});
  const std::int64_t now = base::wall_now().unix_ms;
  for (const json::value& item : items) {
    FM_ASSIGN(const JobView job, read_job_summary(item));
    table.add({std::to_string(job.id),
               {job.state, tone_of(job.state)},
               {job.condition.kind.empty() ? "-" : job.condition.words(), Tone::Warning},
               job.remake_of ? fmt::format("{} (job {} again)", job.name, *job.remake_of) : job.name,
               place_of(job),
               fmt::format("v{:03}", job.version),
               job.frames > 0 ? fmt::format("{}/{}", job.frames_published, job.frames) : std::string("-"),
               ready_cell(job.forecast, now),
               {odds_cell(job.forecast), is_at_risk(job.forecast) ? Tone::Warning : Tone::Plain},
               std::to_string(job.priority),
               job.principal,
               age_text(job.submitted, now)});
  }
  if (table.empty())
    session.out() << "no jobs\n";
  else
    session.out() << table.text(session.terminal());
  return ExitCode::Ok;
}

}  // namespace

void declare_jobs(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("jobs", "List jobs, newest first", "framemill jobs --live --show harbor");
  verb.flag("--live", options->live, "Only jobs that are not finished");
  verb.flag("--mine", options->mine, "Only your own");
  declare_selection(verb, options->selection);
  verb.option("--limit", options->limit, "N", "At most N jobs (20)");
  verb.option("--export-trace", options->export_trace, "FILE",
              "Write them, with what their tasks took, as a trace for framemill-sim policy");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
