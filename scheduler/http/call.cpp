#include "scheduler/http/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/code_table.h"
#include "base/nearest.h"
#include "base/text.h"
#include "net/net_error.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kBodyDepthMax = 32;

int status_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::JobFrameUnknown:
    case Refusal::JobLayerUnknown:
    case Refusal::JobUnknown:
    case Refusal::JobVariantUnknown:
    case Refusal::LimitUnknown:
    case Refusal::ShareUnknown:
    case Refusal::WorkerUnknown:
      return 404;
    case Refusal::JobFinal:
    case Refusal::RemakeNameTaken:
    case Refusal::RemakeNeedsFrames:
    case Refusal::RemakeNoRecord:
    case Refusal::RemakeNotPublished:
    case Refusal::RemakeNothing:
    case Refusal::RemakeOfRemake:
    case Refusal::RemakeRunning:
    case Refusal::RemakeTooMany:
    case Refusal::RemakeUnderWay:
    case Refusal::RetryNeedsCancelled:
    case Refusal::RetryNothing:
    case Refusal::RetryPublished:
    case Refusal::SubmitKeyReused:
    case Refusal::SpecVersionTaken:
    case Refusal::UserTooManyJobs:  // time alone may not mend it: asking again at once is no use
    case Refusal::WorkerAmbiguous:
    case Refusal::WorkerRevoked:
    case Refusal::JobTooManyHolds:
      return 409;
    case Refusal::SpecNoPlan:
    case Refusal::SpecOutOfRange:
    case Refusal::SpecRootReadOnly:
    case Refusal::SpecUnknownJob:
    case Refusal::SpecUnknownLimit:
    case Refusal::JobHoldIsOver:
      return 422;
    // A bound is reached, or nothing can be written: the same request may pass later.
    case Refusal::FarmBusy:
    case Refusal::FarmStopping:
    case Refusal::FarmTooManyJobs:
    case Refusal::FarmTooManyStreams:
    case Refusal::StoreReadOnly:
      return 503;
  }
  return 500;
}

using net::HttpError;

// What is not a refusal of the farm: by its own code, else by the room that found it.
const auto kStatuses = std::to_array<base::CodeRow<int>>({
    {"auth.role", 403},
    {"auth.cross_site", 403},
    {"auth.too_many", 429},
    {"auth.not_owner", 403},
    {"auth.", 401},
    {text_of(HttpError::NotFound), 404},
    {text_of(HttpError::MethodNotAllowed), 405},
    {text_of(HttpError::TooLarge), 413},
    {text_of(HttpError::MediaType), 415},
    {text_of(HttpError::TooManyStreams), 429},
    {"http.", 400},
    {"request.", 400},
    {"frames.", 400},
    {"spec.", 422},
    {"plan.", 422},
    {"preview.", 404},
    {"prompt.", 422},
    {"store.corrupt", 500},  // asking again would find the same
    {"store.", 503},
});

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

base::Error bad_parameter(std::string_view name, std::string_view what) {
  return {"request.bad_parameter", std::string(name) + " " + std::string(what), std::string(name), ""};
}

int status_of(const base::Error& error) {
  if (const auto refusal = refusal_from_code(error.code)) return status_of(*refusal);
  const int* status = base::find_meaning(kStatuses, error.code);
  return status == nullptr ? 500 : *status;
}

void Call::answer(int status, json::object body) const {
  answer_text(status, json::serialize(body));
}

void Call::answer_text(int status, std::string body) const {
  net::HttpResponse response;
  response.status = status;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body) + "\n";
  send(std::move(response));
}

void Call::send(net::HttpResponse response) const {
  api->figures.answered(response.status, came);
  respond.send(std::move(response));
}

net::HttpResponse failure(const base::Error& error) {
  net::HttpResponse response = net::error_response(status_of(error), error);
  response.headers.emplace_back("Cache-Control", "no-store");
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 503 || response.status == 429) response.headers.emplace_back("Retry-After", "2");
  return response;
}

void Call::fail(const base::Error& error) const {
  send(failure(error));
}

base::Result<JobId> Call::job() const {
  const auto value = integer_of(path.at("job"));
  if (!value || *value < 1 || *value > UINT32_MAX) return bad_parameter("job", "must be a job number");
  return JobId(static_cast<std::uint32_t>(*value));
}

base::Result<std::optional<std::int64_t>> Call::integer(std::string_view name, std::int64_t least,
                                                        std::int64_t most) const {
  const auto given = request.query.find(std::string(name));
  if (given == request.query.end()) return std::optional<std::int64_t>();
  const auto value = integer_of(given->second);
  if (value && *value >= least && *value <= most) return value;
  return bad_parameter(name, fmt::format("must be a whole number from {} to {}", least, most));
}

base::Result<std::optional<bool>> Call::boolean(std::string_view name) const {
  const auto given = request.query.find(std::string(name));
  if (given == request.query.end()) return std::optional<bool>();
  if (given->second == "true" || given->second == "false") return std::optional<bool>(given->second == "true");
  return bad_parameter(name, "must be true or false");
}

base::Result<std::string> Call::text(std::string_view name, std::size_t bytes_max) const {
  const auto given = request.query.find(std::string(name));
  if (given == request.query.end()) return std::string();
  if (given->second.size() <= bytes_max) return given->second;
  return bad_parameter(name, fmt::format("may have at most {} bytes", bytes_max));
}

base::Result<std::uint32_t> Call::limit() const {
  FM_ASSIGN(const auto value, integer("limit", 1, 1000));
  return static_cast<std::uint32_t>(value.value_or(100));
}

base::Result<std::optional<jobs::Frame>> Call::frame() const {
  FM_ASSIGN(const auto value, integer("frame", -jobs::kFrameMax, jobs::kFrameMax));
  return value ? std::optional<jobs::Frame>(static_cast<jobs::Frame>(*value)) : std::nullopt;
}

base::Result<std::optional<std::uint32_t>> Call::variant() const {
  FM_ASSIGN(const auto value, integer("variant", 0, UINT32_MAX));
  return value ? std::optional<std::uint32_t>(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

base::Result<json::object> Call::body(const std::vector<std::string_view>& keys) const {
  if (request.body.empty()) return json::object();
  json::parse_options options;
  options.max_depth = kBodyDepthMax;
  json::error_code error;
  json::value value = json::parse(request.body, error, {}, options);
  if (error) return base::Error{"request.bad_json", "the request body is not valid JSON: " + error.message(), "", ""};
  if (!value.is_object()) return base::Error{"request.bad_json", "the request body is not a JSON object", "", ""};
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [key, ignored] : value.get_object()) {
    if (std::find(known.begin(), known.end(), std::string_view(key)) != known.end()) continue;
    return base::Error{"request.unknown_key", "the body has an unknown key", base::valid_utf8(std::string_view(key)),
                       base::did_you_mean(base::nearest(std::string_view(key), known))};
  }
  return std::move(value.get_object());
}

base::Result<std::string> string_of(const json::object& body, std::string_view key, std::size_t bytes_max) {
  const json::value* value = body.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return std::string();
  if (!value->is_string()) return bad_parameter(key, "must be text");
  if (value->get_string().size() > bytes_max)
    return bad_parameter(key, fmt::format("may have at most {} bytes", bytes_max));
  return std::string(value->get_string());
}

ApiRoutes api_routes() {
  ApiRoutes routes;
  add_job_routes(routes);
  add_job_change_routes(routes);
  add_bulk_routes(routes);
  add_history_routes(routes);
  add_diagnosis_route(routes);
  add_limit_routes(routes);
  add_worker_routes(routes);
  add_preview_routes(routes);
  add_session_routes(routes);
  add_share_routes(routes);
  add_system_routes(routes);
  add_upkeep_routes(routes);
  add_metrics_routes(routes);
  add_usage_routes(routes);
  return routes;
}

}  // namespace framemill::scheduler
