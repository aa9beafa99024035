// framemill version: this program's version, and the server's where one answers.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

base::Result<ExitCode> run(bool client_only, Session& session) {
  json::object out{{"version", FRAMEMILL_VERSION}};
  if (!client_only) {
    FM_ASSIGN(Api * server, session.api());
    FM_ASSIGN(json::value answer, server->get("/api/v1/version"));
    out["server"] = std::move(answer);
  }
  if (session.json()) {
    session.print_json(out);
    return ExitCode::Ok;
  }
  session.out() << "framemill " FRAMEMILL_VERSION "\n";
  if (client_only) return ExitCode::Ok;
  JsonReader reader(out["server"], "version");
  session.out() << fmt::format("scheduler {} ({}), start {}; you are {} with the role {}\n", reader.text("version"),
                               reader.text("api"), reader.integer("epoch"), reader.text("principal"),
                               reader.text("role"));
  FM_TRY(reader.status());
  return ExitCode::Ok;
}

}  // namespace

void declare_version(Arguments& program) {
  auto client_only = std::make_shared<bool>(false);
  Arguments verb =
      program.verb("version", "Print the versions of this program and of the scheduler", "framemill version --client");
  verb.flag("--client", *client_only, "This program alone; asks no server");
  verb.run([client_only](Session& session) { return run(*client_only, session); });
}

}  // namespace framemill::cli
