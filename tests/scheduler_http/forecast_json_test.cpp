// What is foretold of jobs, as it goes out: times where there are some, and else why not.
#include "scheduler/http/forecast_json.h"

#include <mutex>

#include "api_fixture.h"
#include "tests/scheduler_http/fake_farm.h"

namespace framemill::scheduler {
namespace {

using testing::ApiFixture;

const base::WallTime kNow{4'102'444'740'000};  // a minute before the middle time of the sample

forecast::ForecastsRow all_of(JobId job, forecast::JobForecast told) {
  forecast::Forecasts forecasts;
  forecasts.made = kNow;
  forecasts.jobs.emplace(job, std::move(told));
  return std::make_shared<forecast::Forecasts>(std::move(forecasts));
}

TEST_CASE("a job with an estimate shows its times, odds and progress, and how long that is from now") {
  const JobView job = testing::sample_job(JobId(1), "ana");
  const forecast::ForecastsRow forecasts = all_of(job.id, testing::sample_forecast());
  CHECK(
      forecast_json(job, forecasts->find(job.id), "") ==
      json::parse(R"({"state":"estimated","ready_p50":"2100-01-01T00:00:00.000Z","ready_p90":"2100-01-01T01:00:00.000Z",
                        "later_than":null,"on_time":0.782,"progress":0.4,"reason":""})"));
  CHECK(eta_ms_json(job, {forecasts, kNow}) == 60'000);
  json::object shown{{"layers", json::array{json::object{}, json::object{}}}};
  add_foretold(shown, job, {forecasts, kNow});
  CHECK(shown.at("eta_ms") == 60'000);
  CHECK(shown.at("layers") == json::parse(R"([{"eta_ms":60000},{"eta_ms":null}])"));
  CHECK(eta_ms_json(job, {forecasts, {4'102'444'900'000}}) == 0);  // overdue: never less than nothing
}

TEST_CASE("what does not go on gets no number whatever was foretold, but its state") {
  const forecast::JobForecast told = testing::sample_forecast();
  const auto shown = [&](const JobView& job) {
    const forecast::ForecastsRow forecasts = all_of(job.id, told);
    const json::object out = forecast_json(job, forecasts->find(job.id), "");
    CHECK(out.at("ready_p50").is_null());
    CHECK(out.at("ready_p90").is_null());
    CHECK(out.at("on_time").is_null());
    CHECK(eta_ms_json(job, {forecasts, kNow}).is_null());
    json::object whole{{"layers", json::array{json::object{}}}};
    add_foretold(whole, job, {forecasts, kNow});
    CHECK(whole.at("layers") == json::parse(R"([{"eta_ms":null}])"));
    return std::string(out.at("state").as_string());
  };
  JobView job = testing::sample_job(JobId(1), "ana");
  job.holds = {Hold{}};
  CHECK(shown(job) == "held");
  job.holds.clear();
  for (const auto& [kind, word] : {std::pair{Condition::Kind::Stuck, "stuck"},
                                   {Condition::Kind::Blocked, "blocked"},
                                   {Condition::Kind::Starved, "starved"},
                                   {Condition::Kind::InputMissing, "input_missing"}}) {
    job.condition.kind = kind;
    CHECK(shown(job) == word);
  }
  job.condition = {};
  job.missing_inputs.push_back({});
  CHECK(shown(job) == "input_missing");
  job.missing_inputs.clear();
  job.state = jobs::JobState::Done;
  CHECK(shown(job) == "none");
}

TEST_CASE("without an estimate the reason says what is missing") {
  const JobView job = testing::sample_job(JobId(1), "ana");
  CHECK(forecast_json(job, nullptr, "").at("state") == "pending");
  CHECK(forecast_json(job, nullptr, "broken").at("reason") == "broken");
  forecast::JobForecast told;
  told.layer = "comp";
  CHECK(forecast_json(job, &told, "").at("state") == "measuring");
  CHECK(forecast_json(job, &told, "").at("reason") == "layer comp: no work of its kind has been measured yet");
  told.state = forecast::JobForecast::State::Blocked;
  CHECK(forecast_json(job, &told, "").at("state") == "blocked");
  CHECK(forecast_json(job, &told, "").at("reason") == "layer comp: its work is never placed as the farm is now");
  told.state = forecast::JobForecast::State::Beyond;
  told.later_than = {4'102'444'800'000};
  told.on_time = 0;
  const json::object beyond = forecast_json(job, &told, "");
  CHECK(beyond.at("state") == "beyond");
  CHECK(beyond.at("later_than") == "2100-01-01T00:00:00.000Z");
  CHECK(beyond.at("on_time") == 0.0);
}

TEST_CASE("levers come with a sentence each") {
  const forecast::LeverView view = testing::sample_levers();
  CHECK(sentence_of(view.levers[0]) == "priority 80 makes it 97 % likely, costs atlas (job 3) 25 min");
  CHECK(sentence_of(view.levers[1]) == "1 more slot like those on H200 makes it 90 % likely");
  forecast::Lever lever;
  lever.kind = forecast::Lever::Kind::Slots;
  lever.value = 4;
  lever.subject = "H200";
  lever.on_time = 0.5;
  CHECK(sentence_of(lever) == "4 more slots like those on H200 make it 50 % likely");
  lever.kind = forecast::Lever::Kind::Rival;
  lever.value = 7;
  lever.subject = "boards";
  lever.costs = {{JobId(7), "boards", "atlas", base::seconds(2 * 3600 + 300)},
                 {JobId(8), "cut", "harbor", base::seconds(90)}};
  CHECK(sentence_of(lever) ==
        "pausing job 7 boards makes it 50 % likely, costs atlas (job 7) 2 h 05 min, harbor (job 8) 2 min");
}

TEST_CASE("a forecast is asked for with and without levers, and what is held is not simulated for") {
  ApiFixture fixture;
  {
    std::lock_guard lock(fixture.farm.mutex);
    fixture.farm.foretold = *all_of(JobId(1), testing::sample_forecast());
    fixture.farm.foretold.futures = 16;
  }
  auto reply = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/forecast")).as_object();
  CHECK(reply.at("forecast").as_object().at("state") == "estimated");
  CHECK(reply.at("look").as_object().at("futures") == 16);
  CHECK(reply.at("levers").is_null());
  reply = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/forecast?levers=true")).as_object();
  CHECK(reply.at("levers").as_object().at("items").as_array().size() == 2);
  CHECK(fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1"))
            .as_object()
            .at("forecast")
            .as_object()
            .at("on_time") == 0.782);
  {
    std::lock_guard lock(fixture.farm.mutex);
    for (JobView& view : fixture.farm.job_list) view.holds = {Hold{}};
  }
  reply = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/forecast?levers=true")).as_object();
  CHECK(reply.at("levers").is_null());
  CHECK(reply.at("forecast").as_object().at("state") == "held");
  CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/jobs/99/forecast")) == "404 job.unknown");
}

}  // namespace
}  // namespace framemill::scheduler
