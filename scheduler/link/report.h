// From the wire's report to the core's event, with every field checked: a worker is authenticated, not trusted. Pure.
// A part that makes no sense costs that part: a bad inventory is left out, and a bad result or ending ends its attempt
// as bad output. So a report with one bad item is acknowledged, and the good ones in it are not said for ever.
//
// Errors: link.protocol (version), link.bad_report (field says which part).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/events.h"
#include "scheduler/link/lineage.h"
#include "wire/convert.h"

namespace framemill::scheduler {

struct ParsedReport {
  WorkerReported event;
  HeardLast heard;
  std::vector<base::Error> refused;  // the parts that were not taken, for the log
};
// Parses and checks the bytes of one WorkerReport from the peer that proved `key` (Z85).
base::Result<ParsedReport> parse_report(std::string_view bytes, const std::string& key);

}  // namespace framemill::scheduler
