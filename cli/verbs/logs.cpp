// framemill logs JOB: the end of what executors and commands printed, per attempt.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string job, layer;
  std::optional<std::int64_t> frame, limit;
};

void print_log(const LogView& log, Session& session) {
  const bool bad = !log.outcome.empty() && log.outcome != "ok";
  std::string head = fmt::format("{} {} t{}", log.layer, log.phase, log.variant);
  if (!log.frames.empty()) head += " frames " + log.frames;
  head += fmt::format(" on {}/{}, attempt {}", log.worker, log.slot, log.attempt);
  session.out() << paint(session.terminal(), Tone::Strong, head) << ": "
                << paint(session.terminal(), bad ? Tone::Bad : Tone::Plain,
                         log.outcome.empty() ? "running" : log.outcome);
  if (!log.code.empty() && log.code != log.outcome) session.out() << " (" << log.code << ")";
  if (!log.message.empty()) session.out() << " " << log.message;
  session.out() << '\n';
  if (log.output_tail.empty()) {
    session.out() << "  (nothing was printed)\n";
    return;
  }
  session.out() << log.output_tail;
  if (log.output_tail.back() != '\n') session.out() << '\n';
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const std::int64_t limit = options.limit.value_or(10);
  if (limit < 1 || limit > 10000) return base::Error{"usage.limit", "--limit goes from 1 to 10000", "--limit", {}};
  const std::string query =
      query_text({{"layer", options.layer}, {"frame", options.frame ? std::to_string(*options.frame) : ""}});
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/logs" + query));
  FM_ASSIGN(Api * server, session.api());
  FM_ASSIGN(const json::array items, server->get_pages(target, static_cast<std::size_t>(limit)));
  if (session.json()) {
    session.print_json(json::object{{"items", items}});
    return ExitCode::Ok;
  }
  if (items.empty()) session.out() << "no attempts yet\n";
  // The server gives the newest first; people read downwards to the newest.
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    FM_ASSIGN(const LogView log, read_log(*item));
    print_log(log, session);
  }
  return ExitCode::Ok;
}

}  // namespace

void declare_logs(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("logs", "Show what executors and commands printed", "framemill logs 12 --frame 1009");
  verb.positional("JOB", options->job, "The job's number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--frame", options->frame, "N", "Only attempts that were to make this frame");
  verb.option("--limit", options->limit, "N", "The newest N attempts (10)");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
