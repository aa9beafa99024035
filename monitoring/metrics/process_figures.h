// The figures that every program monitored by Prometheus has, under the names that its client libraries agreed on:
// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds and
// process_start_time_seconds.
#pragma once

#include "monitoring/metrics/metrics.h"

namespace framemill::monitoring {

// Of this process, from /proc; what cannot be read there is left out.
void write_process_figures(Page& page);

}  // namespace framemill::monitoring
