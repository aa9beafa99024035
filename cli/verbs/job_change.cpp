#include "cli/verbs/job_change.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/job_selection.h"

namespace framemill::cli {

base::Result<ExitCode> change_job(Session& session, const std::string& job, const std::string& verb, json::object body,
                                  const std::string& said) {
  FM_ASSIGN(const std::string target, session.job_target(job, "/" + verb));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->post(target, body));
  JsonReader reader(answer, "change");
  const std::int64_t id = reader.integer("job"), tasks = reader.integer("tasks");
  const std::string state = reader.text("state");
  FM_TRY(reader.status());
  if (session.json())
    session.print_json(answer);
  else
    session.out() << fmt::format("job {} {}{}; its state is {}\n", id, said,
                                 tasks > 0 ? ": " + counted(tasks, "task") : std::string(), state);
  return ExitCode::Ok;
}

void declare_job_change(Arguments& program, const std::string& verb, const std::string& summary,
                        const std::string& example, const std::string& said) {
  struct Options {
    std::string job, reason;
    ChangeOfMany many;
  };
  auto options = std::make_shared<Options>();
  Arguments arguments = program.verb(verb, summary, example);
  arguments.positional("JOB", options->job, "Job number, or last for your newest", Presence::Optional);
  arguments.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  declare_change_of_many(arguments, options->many);
  arguments.run([options, verb, said](Session& session) -> base::Result<ExitCode> {
    FM_TRY(one_or_many(options->job, options->many));
    json::object body{{"reason", options->reason}};
    if (options->job.empty()) return change_many(session, options->many, verb, std::move(body), said);
    return change_job(session, options->job, verb, std::move(body), said);
  });
}

}  // namespace framemill::cli
