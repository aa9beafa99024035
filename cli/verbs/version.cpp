// framemill version: this program's version, and the server's where one answers.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

base::Result<json::value> ask(Session& session) {
  FM_ASSIGN(Api* server, session.api());
  return server->get("/api/v1/version");
}

base::Result<std::string> sentence(const json::value& answer) {
  JsonReader reader(answer, "version");
  std::string text =
      fmt::format("scheduler {} ({}), start {}; you are {} with the role {}\n", reader.text("version"),
                  reader.text("api"), reader.integer("epoch"), reader.text("principal"), reader.text("role"));
  FM_TRY(reader.status());
  return text;
}

// This program's version is told first and whatever happens: it is what one asks for when the server does not answer.
base::Result<ExitCode> run(bool client_only, Session& session) {
  if (!session.json()) session.out() << "framemill " FRAMEMILL_VERSION "\n" << std::flush;
  json::object out{{"version", FRAMEMILL_VERSION}};
  base::Status trouble;
  if (!client_only) {
    auto answer = ask(session);
    if (answer.ok()) {
      FM_ASSIGN(const std::string text, sentence(*answer));
      if (!session.json()) session.out() << text;
      out["server"] = std::move(answer).value();
    } else {
      out["server"] = nullptr;
      trouble = answer.error();
    }
  }
  if (session.json()) session.print_json(out);
  if (!trouble.ok()) return trouble.error();
  return ExitCode::Ok;
}

}  // namespace

void declare_version(Arguments& program) {
  auto client_only = std::make_shared<bool>(false);
  Arguments verb =
      program.verb("version", "Print the versions of this program and of the scheduler", "framemill version --client");
  verb.flag("--client", *client_only, "Only this program; do not contact the server");
  verb.run([client_only](Session& session) { return run(*client_only, session); });
}

}  // namespace framemill::cli
