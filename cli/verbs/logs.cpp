// framemill logs JOB: the end of what executors and commands printed, per attempt.
#include <fmt/format.h>

#include <map>
#include <ostream>
#include <utility>

#include "cli/job_watch.h"
#include "cli/kind_traits.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kLookEvery = base::milliseconds(400);

struct Options {
  std::string job, layer, patience = "60s";
  std::optional<std::int64_t> frame, limit;
  bool follow = false;
};

std::string head_of(const LogView& log, Session& session) {
  const bool bad = !log.outcome.empty() && log.outcome != "ok";
  std::string head = log.layer;
  if (phase_is(log.phase, &jobs::PhaseTraits::windowed)) head += fmt::format(" t{:02} {}", log.variant, log.phase);
  if (!log.frames.empty()) {
    const bool one = log.frames.find_first_of(",-x", 1) == std::string::npos;  // "-5" is one frame, too
    head += (one ? ", frame " : ", frames ") + log.frames;
  }
  head += fmt::format(", on {}/{}, attempt {}", log.worker, log.slot, log.attempt);
  std::string text =
      paint(session.terminal(), Tone::Strong, head) + ": " +
      paint(session.terminal(), bad ? Tone::Bad : Tone::Plain, log.outcome.empty() ? "running" : log.outcome);
  if (!log.message.empty()) text += ": " + log.message;
  if (!log.code.empty() && log.code != log.outcome) text += " [" + log.code + "]";
  return text;
}

void print_log(const LogView& log, Session& session) {
  session.out() << head_of(log, session) << '\n';
  if (log.output_tail.empty()) {
    session.out() << "  (nothing was printed)\n";
    return;
  }
  session.out() << log.output_tail;
  if (log.output_tail.back() != '\n') session.out() << '\n';
}

// What `now` says beyond `before`, of one output whose middle is left out once it has grown long.
std::string_view new_part(std::string_view before, std::string_view now) {
  constexpr std::size_t kAnchorBytes = 256;
  if (now.starts_with(before)) return now.substr(before.size());
  const std::string_view anchor = before.substr(before.size() - std::min(before.size(), kAnchorBytes));
  const std::size_t at = now.rfind(anchor);
  return at == std::string_view::npos ? now : now.substr(at + anchor.size());
}

// The newest attempts as they print, until the job is final.
base::Result<ExitCode> follow(Session& session, const Options& options, const std::string& query, std::size_t limit) {
  const auto patience = duration_ms(options.patience);
  if (!patience)
    return base::Error{"usage.patience", "--patience is not a duration", "--patience", "write 90s, 5m or 2h"};
  FM_ASSIGN(const std::int64_t id, patient_job_id(session, options.job, base::milliseconds(*patience)));
  JobWatch watch(session, id, base::milliseconds(*patience));
  std::map<std::string, std::string> printed;  // by attempt
  std::string last;                            // the attempt whose output was printed last
  do {
    FM_ASSIGN(const std::optional<JobView> job, watch.job());
    if (!job) continue;  // the scheduler does not answer; the farm works on
    FM_ASSIGN(Api* server, session.api());
    FM_ASSIGN(const json::array items, server->get_pages(fmt::format("/api/v1/jobs/{}/logs{}", id, query), limit));
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
      FM_ASSIGN(const LogView log, read_log(*item));
      const bool is_new = !printed.contains(log.attempt);
      std::string& before = printed[log.attempt];
      const std::string_view part = new_part(before, log.output_tail);
      if (part.empty() && !is_new) continue;
      if (std::exchange(last, log.attempt) != log.attempt) session.out() << head_of(log, session) << '\n';
      session.out() << part;
      if (!part.empty() && part.back() != '\n' && !log.outcome.empty()) session.out() << '\n';
      before = log.output_tail;
    }
    session.out() << std::flush;
    if (job->is_final()) return ExitCode::Ok;
  } while (pause_for(session, kLookEvery));
  return ExitCode::Interrupted;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const std::int64_t limit = options.limit.value_or(10);
  if (limit < 1 || limit > 10000) return base::Error{"usage.limit", "--limit must be 1 to 10000", "--limit", {}};
  const std::string query =
      query_text({{"layer", options.layer}, {"frame", options.frame ? std::to_string(*options.frame) : ""}});
  if (options.follow) return follow(session, options, query, static_cast<std::size_t>(limit));
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/logs" + query));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::array items, server->get_pages(target, static_cast<std::size_t>(limit)));
  if (session.json()) {
    session.print_json(json::object{{"items", items}});
    return ExitCode::Ok;
  }
  if (items.empty()) session.out() << "no attempts yet\n";
  // The server gives the newest first; people read downwards to the newest.
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    FM_ASSIGN(const LogView log, read_log(*item));
    if (item != items.rbegin()) session.out() << '\n';
    print_log(log, session);
  }
  return ExitCode::Ok;
}

}  // namespace

void declare_logs(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("logs", "Show what executors and commands printed", "framemill logs 12 --frame 1009");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--frame", options->frame, "N", "Only attempts that were to make this frame");
  verb.flag("-f,--follow", options->follow, "Keep printing new output until the job is finished");
  verb.option("--patience", options->patience, "TIME", "With -f: how long the scheduler may be away (60s)");
  verb.option("--limit", options->limit, "N", "The newest N attempts (10)");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
