// The farm's views as the JSON of openapi.yaml. Pure; any thread. What workers or users wrote is made valid UTF-8 on
// the way.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

namespace json = boost::json;

// Without what is foretold: forecast_json.h adds it.
json::object job_summary_json(const JobView& job);
json::object job_json(const JobView& job, const PlanView& plan);
json::object plan_view_json(const PlanView& plan);
json::object worker_json(const WorkerView& worker);
json::object frame_json(const FrameRow& row);
json::object attempt_json(const AttemptRow& row, const PlanView& plan);
json::object log_json(const AttemptRow& row, const PlanView& plan);  // the attempt with its output's end
json::object explanation_json(const ExplainView& view, const PlanView& plan);
std::string event_text(const EventRow& row, base::WallTime time);  // one line

// Makes {items, next} of rows; `next` is null at the end.
json::object page_json(json::array items, const std::string& next);

json::object cause_json(const Cause& cause);
json::value time_json(base::WallTime time);     // null: never
json::string text_json(std::string_view text);  // valid UTF-8
json::array texts_json(const std::vector<std::string>& texts);
// Frames that the tasks of a phase stand for: "1001-1016"; empty where there are none.
std::string frames_text(const jobs::PhasePlan& phase, jobs::TaskRange tasks);

}  // namespace framemill::scheduler
