// What is configured of the farm, with the values it has where nobody configures it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "jobs/ids.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

// Counts by name; see limit_book.h. Names are those of specs, programs those of the workers' configuration.
struct LimitSettings {
  std::map<std::string, std::uint32_t> tokens, models;
  std::map<std::string, std::vector<std::string>> programs;  // which tokens each needs, whatever the spec says
};

struct FarmSettings {
  jobs::Epoch epoch;  // of this start; names attempts
  base::Duration lease_ttl = base::seconds(120);
  base::Duration silence_alarm = base::seconds(15);        // a worker not heard for so long is Silent
  base::Duration report_interval = base::seconds(1);       // asked of workers that have work
  base::Duration idle_report_interval = base::seconds(5);  // asked of the others
  base::Duration missing_after = base::seconds(600);       // for files of roots, where the layer does not say
  base::Duration starved_after =
      base::seconds(300);  // a job with ready work and nothing running is called starved then
  base::Duration progress_timeout = base::seconds(1800);  // a lease without progress for so long is taken back
  base::Duration late_turn = base::seconds(1);            // a turn later than this moves all lease deadlines by the gap
  base::Duration back_off_first = base::seconds(1), back_off_most = base::seconds(60);
  std::uint32_t isolated_crashes_max = 3;  // then a task is quarantined
  std::uint32_t worker_blame_max = 3;      // jobs that fail there and go on elsewhere; then the worker is
  std::uint32_t returns_max = 6;           // of a layer's work by a worker in a row; then it gets no more
  base::Duration probe_first = base::seconds(60), probe_most = base::seconds(900);  // until it is tried there once more
  base::Duration worker_probe = base::seconds(300), worker_probe_most = base::seconds(3600);  // the same, of a worker
  std::uint32_t jobs_max = 10'000;           // live jobs; more are refused with a hint
  std::uint32_t live_jobs_per_user = 1'000;  // of them, of one person: others can still submit
  std::uint32_t finished_jobs_max = 10'000;  // in memory, the newest; the store keeps all
  std::uint32_t leases_per_slot_max = 64;
  std::uint32_t publish_duties_per_worker_max = 4'096;  // committed tasks without their names; then no more grants
  std::uint32_t publish_duties_max = 65'536;            // the same, in the whole farm
  LimitSettings limits;
  ShareSettings shares;
};

}  // namespace framemill::scheduler
