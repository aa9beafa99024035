// /api/v1/jobs: submit, list, show, plan.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "net/net_error.h"
#include "scheduler/http/call.h"
#include "scheduler/http/forecast_json.h"
#include "scheduler/http/job_filter.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kSpecBytesMax = 256 * 1024;
constexpr std::size_t kOverridesMax = 256;
constexpr std::size_t kOverrideBytesMax = 65'536;
constexpr std::size_t kIdempotencyKeyBytesMax = 200;

base::Result<jobs::SpecOverrides> overrides_of(const json::object& body) {
  jobs::SpecOverrides overrides;
  const json::value* list = body.if_contains("overrides");
  if (list == nullptr) return overrides;
  if (!list->is_array() || list->get_array().size() > kOverridesMax) {
    return bad_parameter("overrides", "must be a list of at most 256 pairs");
  }
  for (const json::value& item : list->get_array()) {
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string() ||
        (*pair)[0].get_string().size() + (*pair)[1].get_string().size() > kOverrideBytesMax) {
      return bad_parameter("overrides", "must be pairs of text: a key's path and its value");
    }
    overrides.emplace_back((*pair)[0].get_string(), (*pair)[1].get_string());
  }
  return overrides;
}

// JSON bodies are the spec itself (it has `api`) or an envelope around a spec's text (it has `spec`).
base::Status read_json_body(const Call& call, SubmitRequest& submit) {
  json::error_code error;
  const json::value value = json::parse(call.request.body, error);
  const json::object* top = error ? nullptr : value.if_object();
  if (top == nullptr || !top->contains("spec")) {
    submit.text = call.request.body;
    submit.format = jobs::SpecFormat::Json;
    return {};  // the spec's own parser names what is wrong, with line and column
  }
  FM_ASSIGN(const json::object body, call.body({"spec", "format", "overrides", "reason"}));
  if (!body.at("spec").is_string()) return bad_parameter("spec", "must be the spec's text");
  FM_ASSIGN(submit.text, string_of(body, "spec", kSpecBytesMax));
  FM_ASSIGN(const std::string format, string_of(body, "format", 16));
  if (format != "" && format != "toml" && format != "json") return bad_parameter("format", "must be toml or json");
  submit.format = format == "json" ? jobs::SpecFormat::Json : jobs::SpecFormat::Toml;
  FM_ASSIGN(submit.overrides, overrides_of(body));
  FM_ASSIGN(submit.reason, string_of(body, "reason", kReasonBytesMax));
  return {};
}

// The media type without its parameters, in lower case.
std::string media_type_of(const net::HttpRequest& request) {
  const std::string* header = request.header("Content-Type");
  return header != nullptr ? base::ascii_lower(header->substr(0, header->find_first_of("; \t"))) : "";
}

void refuse_spec(const Call& call, const std::vector<jobs::SpecError>& errors) {
  const std::size_t more = errors.size() - 1;
  const jobs::SpecError& first = errors.front();
  json::object body;
  body["code"] = "spec.invalid";
  std::string message = first.message;
  if (more > 0) message += fmt::format(" (and {} more error{})", more, more == 1 ? "" : "s");
  body["message"] = text_json(message);
  body["field"] = text_json(first.field);
  body["hint"] = text_json(first.suggestion.empty() ? first.expected : first.suggestion);
  body["errors"] = json::parse(jobs::errors_json(errors));
  call.answer(422, std::move(body));
}

base::Status submit_job(const std::shared_ptr<Call>& call) {
  SubmitRequest submit;
  submit.principal = call->caller.principal;
  if (const std::string* token = call->request.header("Idempotency-Key")) {
    const bool good = !token->empty() && token->size() <= kIdempotencyKeyBytesMax &&
                      std::all_of(token->begin(), token->end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (!good) return bad_parameter("Idempotency-Key", "must be 1 to 200 visible ASCII characters");
    submit.token = *token;
  }
  if (call->request.body.starts_with("\xef\xbb\xbf")) call->request.body.erase(0, 3);  // a byte order mark
  const std::string type = media_type_of(call->request);
  if (type == "application/toml") {
    submit.text = call->request.body;
    submit.format = jobs::SpecFormat::Toml;
  } else if (type == "application/json") {
    FM_TRY(read_json_body(*call, submit));
  } else {
    return base::error_of(net::HttpError::MediaType,
                          type.empty() ? "the request does not say what its body is" : "a spec is not \"" + type + "\"",
                          "Content-Type", "send Content-Type: application/toml or application/json");
  }
  call->api->farm.submit(std::move(submit), call->then<SubmitReply>([call](SubmitReply reply) -> base::Status {
    if (!reply.errors.empty()) {
      refuse_spec(*call, reply.errors);
      return {};
    }
    json::array warnings;
    for (const std::string& warning : reply.submitted.warnings) warnings.push_back(text_json(warning));
    call->answer(reply.submitted.repeated ? 200 : 201, {{"job", reply.submitted.job.value},
                                                        {"version", reply.submitted.version},
                                                        {"repeated", reply.submitted.repeated},
                                                        {"warnings", std::move(warnings)}});
    return {};
  }));
  return {};
}

base::Status list_jobs(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(JobFilter filter, read_job_filter([&](std::string_view key) { return call->text(key); }));
  FM_ASSIGN(filter.live, call->boolean("live"));
  FM_ASSIGN(const auto mine, call->boolean("mine"));
  if (mine.value_or(false)) {
    if (!filter.principal.empty() && filter.principal != call->caller.principal)
      return bad_parameter("mine", "goes with no other user");
    filter.principal = call->caller.principal;
  }
  FM_ASSIGN(const auto before, call->integer("after", 1, UINT32_MAX));
  if (before) filter.before = JobId(static_cast<std::uint32_t>(*before));
  FM_ASSIGN(const std::uint32_t limit, call->limit());
  filter.limit = limit + 1;  // one more tells whether there is a next page
  call->api->farm.list_jobs(filter, call->then<std::vector<JobRow>>([call,
                                                                     limit](std::vector<JobRow> jobs) -> base::Status {
    const bool more = jobs.size() > limit;
    if (more) jobs.resize(limit);
    call->answer_text(200, call->api->job_texts.page(jobs, more ? std::to_string(jobs.back()->id.value) : std::string(),
                                                     {call->api->farm.forecasts(), base::wall_now()}));
    return {};
  }));
  return {};
}

base::Status show_job(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId id, call->job());
  call->api->farm.show_job(id, call->then<JobRow>([call, id](const JobRow& job) -> base::Status {
    call->api->farm.plan(id, call->then<PlanView>([call, job](PlanView plan) -> base::Status {
      json::object out = job_json(*job, plan);
      add_foretold(out, *job, {call->api->farm.forecasts(), base::wall_now()});
      call->answer(200, std::move(out));
      return {};
    }));
    return {};
  }));
  return {};
}

json::object look_json(const forecast::Forecasts& forecasts) {
  return {{"made", time_json(forecasts.made)},
          {"futures", forecasts.futures},
          {"horizon_ms", forecasts.horizon.ms},
          {"coarse", forecasts.coarse},
          {"cpu_ms", static_cast<std::int64_t>(forecasts.cpu_ms)}};
}

base::Status show_forecast(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId id, call->job());
  FM_ASSIGN(const auto levers, call->boolean("levers"));
  call->api->farm.show_job(id, call->then<JobRow>([call, id, levers](const JobRow& job) -> base::Status {
    const forecast::ForecastsRow forecasts = call->api->farm.forecasts();
    json::object out{{"job", id.value},
                     {"deadline", time_json(job->deadline)},
                     {"forecast", forecast_json(*job, forecasts->find(id), forecasts->problem)},
                     {"look", look_json(*forecasts)},
                     {"levers", nullptr}};
    // What is not going on at all is helped by what holds it up, not by levers.
    const std::string state = forecast_state(*job, forecasts->find(id));
    if (!levers.value_or(false) || (state != "estimated" && state != "beyond")) {
      call->answer(200, std::move(out));
      return {};
    }
    call->api->farm.levers(
        id, call->then<forecast::LeverView>([call, job, out](const forecast::LeverView& view) -> base::Status {
          json::object answer = out;
          answer["forecast"] = forecast_json(*job, &view.forecast, {});
          answer["levers"] = levers_json(view);
          call->answer(200, std::move(answer));
          return {};
        }));
    return {};
  }));
  return {};
}

base::Status show_plan(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId id, call->job());
  call->api->farm.plan(id, call->then<PlanView>([call](PlanView plan) -> base::Status {
    call->answer(200, plan_view_json(plan));
    return {};
  }));
  return {};
}

}  // namespace

void add_job_routes(ApiRoutes& routes) {
  routes.add("POST", "/api/v1/jobs", {submit_job, Role::Artist, {}});
  routes.add("GET", "/api/v1/jobs",
             {list_jobs,
              Role::Viewer,
              {"live", "mine", "user", "show", "sequence", "shot", "state", "tag", "text", "since", "limit", "after"}});
  routes.add("GET", "/api/v1/jobs/{job}", {show_job, Role::Viewer, {}});
  routes.add("GET", "/api/v1/jobs/{job}/forecast", {show_forecast, Role::Viewer, {"levers"}});
  routes.add("GET", "/api/v1/jobs/{job}/plan", {show_plan, Role::Viewer, {}});
}

}  // namespace framemill::scheduler
