#include "cli/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <ostream>

#include "cli/exit_code.h"
#include "cli/json_writer.h"

namespace framemill::cli {

base::Result<Settings> Session::settings() {
  return load_settings(flags_.settings, host_.environment);
}

base::Result<Api*> Session::api() {
  if (api_) return &*api_;
  FM_ASSIGN(const Settings configured, settings());
  std::string token;
  if (!configured.token_file.empty()) {
    FM_ASSIGN(token, read_token(configured.token_file));
  }
  auto opened = Api::open(configured.server, std::move(token), host_.keep_going);
  if (!opened.ok()) {
    base::Error error = opened.error();
    if (flags_.settings.server.empty())
      error.code = text_of(ConfigError::Server);  // not typed now: the settings are wrong
    return error;
  }
  api_.emplace(std::move(opened).value());
  return &*api_;
}

base::Result<std::int64_t> Session::job_id(const std::string& text) {
  if (text == "last") {
    FM_ASSIGN(Api* server, api());
    FM_ASSIGN(const json::value answer, server->get("/api/v1/jobs?mine=true&limit=1"));
    JsonReader list(answer, "list of jobs");
    const json::array& jobs = list.list("items");
    FM_TRY(list.status());
    if (jobs.empty()) return base::Error{"job.unknown", "you have not submitted a job yet", "JOB", "give a job number"};
    JsonReader reader(jobs.front(), "job");
    const std::int64_t id = reader.integer("id");
    FM_TRY(reader.status());
    return id;
  }
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == 0)
    return base::Error{"usage.job", fmt::format("'{}' is not a job ID", printable(text)), "JOB",
                       "give a job number, or last for your newest"};
  return std::int64_t{id};
}

base::Result<std::string> Session::job_target(const std::string& job, std::string_view rest) {
  FM_ASSIGN(const std::int64_t id, job_id(job));
  return fmt::format("/api/v1/jobs/{}{}", id, rest);
}

void Session::print_json(const json::value& value) {
  out() << json_document(value);
}

void Session::print_error(const base::Error& error) {
  if (flags_.json) {
    json::object object{{"code", error.code}, {"message", error.message}, {"field", error.field}, {"hint", error.hint}};
    err() << json_line(object) << '\n';
    return;
  }
  err() << "framemill: " << printable(error.message);
  if (!error.code.empty()) err() << " [" << printable(error.code) << ']';
  err() << '\n';
  if (!error.hint.empty()) err() << "  " << printable(error.hint) << '\n';
}

}  // namespace framemill::cli
