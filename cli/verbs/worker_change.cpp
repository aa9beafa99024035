#include "cli/verbs/worker_change.h"

#include <fmt/format.h>

#include <ostream>

namespace framemill::cli {

base::Result<ExitCode> change_worker(Session& session, const std::string& worker, const std::string& change,
                                     const std::string& reason) {
  if (worker.empty())  // it would be another address
    return base::Error{"worker.unknown", "there is no worker without a name", "WORKER", "framemill workers lists them"};
  FM_ASSIGN(Api * server, session.api());
  const std::string target = fmt::format("/api/v1/workers/{}/{}", net::percent_encode(worker), change);
  FM_ASSIGN(const json::value answer, server->post(target, json::object{{"reason", reason}}));
  JsonReader reader(answer, "worker");
  const std::int64_t id = reader.integer("worker");
  const std::string name = reader.text("name"), state = reader.text("state");
  FM_TRY(reader.status());
  if (session.json())
    session.print_json(answer);
  else
    session.out() << fmt::format("worker {} {} is {}\n", id, name, state);
  return ExitCode::Ok;
}

}  // namespace framemill::cli
