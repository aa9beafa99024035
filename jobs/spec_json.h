// Values of a spec as canonical JSON has them. Private to jobs.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "jobs/frame_rate.h"

namespace framemill::jobs {

boost::json::value rate_json(FrameRate rate);  // 24 or "24000/1001"
boost::json::array texts_json(const std::vector<std::string>& values);

}  // namespace framemill::jobs
