// What /metrics shows of the farm: sums over the rows that the loop has published, and what the store and the workers'
// link count of themselves. Sources of a scrape, on the HTTP thread; every label comes from a closed list, but for the
// names of roots, which come from the configuration of workers.
#pragma once

#include <filesystem>
#include <vector>

#include "monitoring/metrics/metrics.h"
#include "net/secure_router.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/store/store.h"

namespace framemill::scheduler {

void write_jobs(monitoring::Page& page, const std::vector<JobRow>& jobs);
void write_workers(monitoring::Page& page, const std::vector<WorkerRow>& workers);
void write_health(monitoring::Page& page, const Health& health, const std::string& version);
void write_store(monitoring::Page& page, const store::StoreCounters& counters, const std::filesystem::path& database);
void write_link(monitoring::Page& page, const net::SecureRouterCounters& counters);

}  // namespace framemill::scheduler
