// framemill usage: who uses the farm and what it cost, by show and person.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string show, user, by;
  bool live = false;
};

struct UseRow {
  std::string name;
  std::int64_t jobs = 0, jobs_live = 0, frames = 0, retries = 0, device_us = 0;
};

std::string hours_text(std::int64_t device_us) {
  return fmt::format("{:.2f}", static_cast<double>(device_us) / 3.6e9);
}

// Rows of the answer put together under one name each: "harbor", "ana" or "harbor ana".
base::Result<std::vector<UseRow>> rows_of(const json::value& answer, const std::string& by) {
  JsonReader list(answer, "usage");
  std::map<std::string, UseRow> sums;
  for (const json::value& item : list.list("items")) {
    JsonReader reader(item, "use");
    const std::string show = reader.text("show"), user = reader.text("principal");
    UseRow& row = sums[by == "show" ? show : by == "user" ? user : show + " " + user];
    row.jobs += reader.integer("jobs");
    row.jobs_live += reader.integer("jobs_live");
    row.frames += reader.integer("frames_published");
    row.retries += reader.integer("retries");
    row.device_us += reader.integer("device_us");
    list.take(reader.status());
  }
  FM_TRY(list.status());
  std::vector<UseRow> rows;
  for (auto& [name, row] : sums) {
    row.name = name;
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const UseRow& a, const UseRow& b) { return a.device_us > b.device_us; });
  return rows;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  if (!options.by.empty() && options.by != "show" && options.by != "user")
    return base::Error{"usage.by", "--by is show or user", "--by", "without it a row is a show and a user"};
  FM_ASSIGN(Api* server, session.api());
  const std::string query =
      query_text({{"show", options.show}, {"principal", options.user}, {"live", options.live ? "true" : ""}});
  FM_ASSIGN(const json::value answer, server->get("/api/v1/usage" + query));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  FM_ASSIGN(const std::vector<UseRow> rows, rows_of(answer, options.by));
  const std::string heading = options.by == "show" ? "SHOW" : options.by == "user" ? "USER" : "SHOW USER";
  Table table({{heading, Align::Left, true},
               {"DEVICE HOURS", Align::Right},
               {"JOBS", Align::Right},
               {"LIVE", Align::Right},
               {"FRAMES", Align::Right},
               {"RETRIES", Align::Right}});
  for (const UseRow& row : rows)
    table.add({row.name, hours_text(row.device_us), std::to_string(row.jobs), std::to_string(row.jobs_live),
               std::to_string(row.frames), std::to_string(row.retries)});
  session.out() << (table.empty() ? std::string("no jobs\n") : table.text(session.terminal()));
  return ExitCode::Ok;
}

}  // namespace

void declare_usage(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("usage", "Show who uses the farm, by show and user", "framemill usage --by show");
  verb.option("--by", options->by, "WHAT", "show or user; without it both");
  verb.option("--show", options->show, "NAME", "Only this show");
  verb.option("--user", options->user, "NAME", "Only jobs of this user");
  verb.flag("--live", options->live, "Only jobs that are not finished");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
