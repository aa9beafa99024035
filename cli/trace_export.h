// The farm's history as a trace for the policy simulator (docs/simulator.md): jobs with what their tasks took, models
// with what they took to load, the workers of today. Put together from the scheduler's answers; pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/json_reader.h"

namespace framemill::cli {

class TraceExport {
 public:
  // Items of GET /api/v1/workers.
  base::Status add_workers(const json::array& workers);
  // A row of GET /api/v1/jobs, the job's /plan and its /attempts. A job of which nothing was made is left out. Errors:
  // http.bad_reply.
  base::Status add_job(const json::value& job, const json::value& plan, const json::array& attempts);
  std::size_t jobs() const { return jobs_.size(); }
  std::string text() const;  // JSON lines

 private:
  struct Made {  // by one phase's tasks on one device class
    std::int64_t tasks = 0;
    double seconds = 0;
  };
  struct Layer {
    std::string name, model, plan;
    std::set<std::string> after;
    std::int64_t tasks = 0;
    double seconds = 0;
    std::vector<std::pair<std::int64_t, double>> attempts;  // tasks, seconds of each: what the noise is taken from
    std::map<std::string, Made> by_class;
    double noise() const;
  };
  struct Job {
    std::int64_t id = 0, submitted_ms = 0, deadline_ms = 0, priority = 50;
    std::string name, show, user;
    std::vector<Layer> layers;
  };
  struct Model {
    std::int64_t loads = 0, peak_bytes = 0;
    double load_seconds = 0;
  };
  struct Worker {
    std::string name, device_class, kind;
    std::int64_t slots = 0, memory_bytes = 0;
  };
  base::Status add_attempt(const json::value& attempt, std::map<std::pair<std::string, std::int64_t>, Layer>& layers);
  std::map<std::string, double> speeds() const;  // by device class, over the class that made the most

  std::vector<Job> jobs_;
  std::map<std::string, Model> models_;
  std::vector<Worker> workers_;
};

}  // namespace framemill::cli
