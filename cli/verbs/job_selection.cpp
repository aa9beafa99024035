#include "cli/verbs/job_selection.h"

#include <fmt/format.h>

#include <istream>
#include <ostream>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

// A moment, or how long ago.
base::Result<std::string> moment_of(const std::string& since) {
  if (since.empty() || base::parse_rfc3339(since)) return since;
  const auto ago = duration_ms(since);
  if (!ago)
    return base::Error{"usage.since", "--since: not a valid moment or duration", "--since",
                       "for example 2h, 30m or 2026-12-24T18:00:00Z"};
  return base::format_rfc3339({base::wall_now().unix_ms - *ago});
}

struct Matched {
  std::int64_t jobs = 0, changed = 0, skipped = 0;
  std::string states;  // "800 queued, 12 running"
  json::array shown;
};

base::Result<Matched> read_matched(const json::value& answer) {
  JsonReader reader(answer, "change");
  Matched matched;
  matched.jobs = reader.integer("matched");
  matched.changed = reader.integer("changed");
  matched.skipped = reader.integer("skipped");
  matched.shown = reader.list("jobs");
  JsonReader states(reader.field("states"), "states");
  for (const char* state : {"queued", "running", "paused"})
    if (states.has(state))
      matched.states += fmt::format("{}{} {}", matched.states.empty() ? "" : ", ", states.integer(state), state);
  reader.take(states.status());
  FM_TRY(reader.status());
  return matched;
}

base::Status show(Session& session, const Matched& matched) {
  Table table({{"JOB", Align::Right}, {"STATE"}, {"NAME", Align::Left, true}, {"SHOW"}, {"BY"}, {"SUBMITTED"}});
  const std::int64_t now = base::wall_now().unix_ms;
  for (const json::value& item : matched.shown) {
    FM_ASSIGN(const JobView job, read_job_summary(item));
    table.add({std::to_string(job.id), job.state, job.name, job.show, job.principal, age_text(job.submitted, now)});
  }
  session.out() << table.text(session.terminal());
  const std::int64_t more = matched.jobs - static_cast<std::int64_t>(matched.shown.size());
  if (more > 0) session.out() << fmt::format("and {} more\n", counted(more, "job"));
  return {};
}

// Only where a person sits there: what a program asks for is done.
bool is_wanted(Session& session, const std::string& question) {
  session.out() << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(session.host().in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

bool JobSelection::empty() const {
  return user.empty() && show.empty() && sequence.empty() && shot.empty() && state.empty() && tag.empty() &&
         text.empty() && since.empty();
}

void declare_selection(Arguments& verb, JobSelection& selection) {
  verb.option("--user", selection.user, "NAME", "Only jobs of this person");
  verb.option("--show", selection.show, "NAME", "Only this show");
  verb.option("--sequence", selection.sequence, "NAME", "Only this sequence");
  verb.option("--shot", selection.shot, "NAME", "Only this shot");
  verb.option(
      "--state", selection.state, "STATE",
      "queued, running, paused, done, failed or cancelled; or stuck, blocked, starved, throttled, input_missing");
  verb.option("--tag", selection.tag, "TAG", "Only jobs with this tag");
  verb.option("--text", selection.text, "TEXT", "Only jobs with this in their name, place, person or tags");
  verb.option("--since", selection.since, "TIME", "Only jobs submitted since: 2h, 30m, 2026-12-24T18:00:00Z");
}

base::Result<std::vector<std::pair<std::string, std::string>>> parameters_of(const JobSelection& selection) {
  FM_ASSIGN(const std::string since, moment_of(selection.since));
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"user", selection.user},
                                   {"show", selection.show},
                                   {"sequence", selection.sequence},
                                   {"shot", selection.shot},
                                   {"state", selection.state},
                                   {"tag", selection.tag},
                                   {"text", selection.text},
                                   {"since", since}})
    if (!value.empty()) parameters.emplace_back(key, value);
  return parameters;
}

void declare_change_of_many(Arguments& verb, ChangeOfMany& many) {
  declare_selection(verb, many.selection);
  verb.flag("--dry-run", many.dry_run, "With a selection: only say what would be changed");
  verb.flag("--yes", many.yes, "With a selection: do not ask");
}

base::Status one_or_many(const std::string& job, const ChangeOfMany& many) {
  if (job.empty() && many.selection.empty())
    return base::Error{"usage.job", "which job?", "JOB", "give its number, or select jobs, for example --user ana"};
  if (!job.empty() && !many.selection.empty())
    return base::Error{"usage.selection", "a job and a selection of jobs do not go together", "JOB",
                       "give either the number or the selection"};
  if (!job.empty() && many.dry_run)
    return base::Error{"usage.selection", "--dry-run goes with a selection of jobs", "--dry-run", ""};
  return {};
}

base::Result<ExitCode> change_many(Session& session, const ChangeOfMany& many, const std::string& verb,
                                   json::object body, const std::string& said) {
  FM_ASSIGN(const auto parameters, parameters_of(many.selection));
  json::object select;
  for (const auto& [key, value] : parameters) select[key] = value;
  body["select"] = std::move(select);
  FM_ASSIGN(Api* server, session.api());
  const std::string target = "/api/v1/bulk/" + verb;
  const bool asks_first = many.dry_run || !session.json();
  if (asks_first) {
    FM_ASSIGN(const json::value asked, server->post(target + "?dry_run=true", body));
    FM_ASSIGN(const Matched would, read_matched(asked));
    if (session.json()) {
      session.print_json(asked);
      return ExitCode::Ok;
    }
    if (would.jobs == 0) {
      session.out() << "no such job\n";
      return ExitCode::Ok;
    }
    FM_TRY(show(session, would));
    session.out() << fmt::format("{} would be {}: {}\n", counted(would.jobs, "job"), said, would.states);
    if (many.dry_run) return ExitCode::Ok;
    if (!many.yes && session.terminal().interactive && !is_wanted(session, "Go on?")) {
      session.out() << "nothing was changed\n";
      return ExitCode::Ok;
    }
  }
  FM_ASSIGN(const json::value answer, server->post(target, body));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  FM_ASSIGN(const Matched did, read_matched(answer));
  session.out() << fmt::format("{} {}", counted(did.changed, "job"), said);
  if (did.skipped > 0) session.out() << fmt::format("; {} left as they were: over, or in another state", did.skipped);
  session.out() << '\n';
  return ExitCode::Ok;
}

}  // namespace framemill::cli
