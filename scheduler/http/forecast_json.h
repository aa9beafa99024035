// What is foretold of jobs, as the JSON of openapi.yaml. A job that is held, stuck, blocked, starved or without its input
// files gets no time: what holds it up is said instead, as its row has it now and whatever was foretold before. Pure;
// any thread.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>

#include "forecast/job_forecast.h"
#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

namespace json = boost::json;

// What a row is shown with.
struct Foretold {
  forecast::ForecastsRow forecasts;  // never null
  base::WallTime now;
};

// "none" "held" "stuck" "blocked" "starved" "input_missing" "pending" "measuring" "estimated" "beyond"
std::string forecast_state(const JobView& job, const forecast::JobForecast* forecast);

json::object forecast_json(const JobView& job, const forecast::JobForecast* forecast, const std::string& problem);
json::value eta_ms_json(const JobView& job, const Foretold& foretold);  // to the middle time; null: there is none
// Adds `forecast` and `eta_ms` to a job's object, and `eta_ms` to each of its layers where it has them.
void add_foretold(json::object& out, const JobView& job, const Foretold& foretold);
json::object levers_json(const forecast::LeverView& view);
// "priority 80 makes it 97 % likely, costs atlas 25 min"
std::string sentence_of(const forecast::Lever& lever);

}  // namespace framemill::scheduler
