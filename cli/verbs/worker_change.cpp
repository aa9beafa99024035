#include "cli/verbs/worker_change.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/text.h"
#include "net/net_error.h"

namespace framemill::cli {

std::string drain_text(std::int64_t taken_back, std::int64_t held) {
  const std::string rest = fmt::format("{} to finish here", counted(held, "task"));
  return taken_back == 0 ? rest : fmt::format("{} given to other workers, {}", counted(taken_back, "task"), rest);
}

base::Result<ExitCode> change_worker(Session& session, const std::string& worker,
                                     const std::vector<std::string>& changes, const json::object& body) {
  if (worker.empty())  // it would be another address
    return base::Error{"worker.unknown", "a worker name is missing", "WORKER", "framemill workers lists them"};
  FM_ASSIGN(Api* server, session.api());
  json::value answer;
  for (const std::string& change : changes) {
    const std::string target = fmt::format("/api/v1/workers/{}/{}", net::percent_encode(worker), change);
    auto changed = server->post(target, body);
    if (is(changed, net::HttpError::NotFound))  // "w1/cpu0", as the list of workers shows slots
      return base::Error{"worker.unknown", fmt::format("worker '{}' not found", printable(worker)), "WORKER",
                         "framemill workers lists them; w1/cpu0 is a slot of worker w1"};
    FM_ASSIGN(answer, std::move(changed));
  }
  JsonReader reader(answer, "worker");
  const std::int64_t id = reader.integer("worker");
  const std::string name = reader.text("name"), state = reader.text("state");
  std::string drain;
  if (state == "draining" && reader.has("tasks_held"))
    drain = ": " + drain_text(reader.integer("tasks_taken_back"), reader.integer("tasks_held"));
  if (const std::string at = reader.text_or_empty("drain_at"); !at.empty()) drain = ", and drains at " + at;
  FM_TRY(reader.status());
  if (session.json())
    session.print_json(answer);
  else
    session.out() << fmt::format("worker {} {} is {}{}\n", id, name, state, drain);
  return ExitCode::Ok;
}

}  // namespace framemill::cli
