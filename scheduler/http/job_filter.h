// Which jobs are meant, as people say it: the query of a list and the `select` of a change of many jobs are the same.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

inline constexpr std::array<std::string_view, 8> kJobFilterKeys{"user",  "show", "sequence", "shot",
                                                                "state", "tag",  "text",     "since"};

// `value_of` gives the text of a key, empty where it is absent. Errors: its own, request.bad_parameter.
base::Result<JobFilter> read_job_filter(const std::function<base::Result<std::string>(std::string_view)>& value_of);
// "jobs of ana, show harbor, state queued": for the record.
std::string words_of(const JobFilter& filter);

}  // namespace framemill::scheduler
