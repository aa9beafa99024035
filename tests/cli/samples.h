// Answers of a scheduler as openapi.yaml has them, for the tests of verbs and of the progress display.
#pragma once

#include <fmt/format.h>

#include <string>

namespace framemill::cli::testing {

inline std::string counts_json(int waiting, int ready, int leased, int published, int failed = 0) {
  return fmt::format(
      R"({{"waiting":{},"ready":{},"leased":{},"committed":0,"published":{},"failed":{},"quarantined":0,"cancelled":0}})",
      waiting, ready, leased, published, failed);
}

inline std::string layer_json(const std::string& name, const std::string& kind, const std::string& state, int published,
                              int frames, int windows, int variants, int retried = 0, int failed = 0,
                              const std::string& eta = "null") {
  return fmt::format(
      R"({{"index":0,"name":"{}","kind":"{}","shot":"hb_0010","state":"{}","tasks":{},"frames":{},"frames_published":{},)"
      R"("windows":{},"variants":{},"tries_charged":{},"retried":{},"failed":{},"eta_ms":{}}})",
      name, kind, state, counts_json(1, 2, 1, 4, failed), frames, published, windows, variants, retried, retried,
      failed, eta);
}

struct JobSample {
  int id = 12;
  std::string state = "running", layers, failures, eta = "null", finished = "null", name = "storm";
  std::string tasks = counts_json(4, 2, 2, 20);
  std::string condition = "null", forecast = "null", deadline = "null";
  int frames = 192, published = 48;
};

inline std::string summary_fields(const JobSample& job) {
  return fmt::format(
      R"("id":{},"name":"{}","show":"harbor","sequence":"hb","shot":"hb_0010","principal":"ana","tags":["test"],"version":1,)"
      R"("state":"{}","condition":{},"priority":50,"submitted":"2026-11-22T09:00:00.000Z","started":"2026-11-22T09:00:01.000Z","finished":{},)"
      R"("tasks":{},"frames":{},"frames_published":{},"deadline":{},"forecast":{},"eta_ms":{})",
      job.id, job.name, job.state, job.condition, job.finished, job.tasks, job.frames, job.published, job.deadline,
      job.forecast, job.eta);
}

inline std::string summary_json(const JobSample& job) {
  return "{" + summary_fields(job) + "}";
}

inline std::string job_json(const JobSample& job) {
  return fmt::format(
      R"({{{},"layers":[{}],"failures":[{}],"outputs":[{{"layer":"boards","variant":0,"root":"main","first":"a.1001.exr","last":"a.1016.exr","files":16}}],)"
      R"("model_loads":2,"attempts":9,"retries":1,"windows_run_twice":0,"device_us":12500000}})",
      summary_fields(job), job.layers, job.failures);
}

inline std::string lease_json(const std::string& layer, int variant, int task, int step,
                              const std::string& phase = "denoise", bool warm = true, int batch = 4, int job = 12) {
  return fmt::format(
      R"({{"attempt":"3-00f1e2d3c4b5a697-17","job":{},"layer":"{}","model":"demo-clips@1","variant":{},"phase":"{}",)"
      R"("tasks":{{"first":{},"count":1}},"task":{},"step":{},"steps":{},"batch":{},"model_warm":{},"detail":""}})",
      job, layer, variant, phase, task, task, step, phase == "denoise" ? 20 : 0, batch, warm);
}

inline std::string slot_json(const std::string& name, const std::string& leases) {
  return fmt::format(
      R"({{"index":0,"name":"{}","usable":true,"leases":[{}],"booked_bytes":104857600,"budget_bytes":2147483648}})",
      name, leases);
}

inline std::string worker_json(int id, const std::string& name, const std::string& slots,
                               const std::string& state = "up") {
  return fmt::format(
      R"({{"id":{},"name":"{}","key":"k","version":"0.1.0","state":"{}","quarantined":false,"silent_ms":{},)"
      R"("devices":[{{"id":"cpu","name":"cpu0","device_class":"c","kind":"cpu","memory_bytes_total":1,"memory_bytes_budget":1,"cpus":1}}],)"
      R"("slots":[{}],"packages":[{{"id":"demo-clips@1","digest":"ab"}}],"roots":[],"commands":[],)"
      R"("conditions":[{{"code":"host.processes","message":"fork: Resource temporarily unavailable","root":""}}]}})",
      id, name, state, state == "silent" ? 21000 : 0, slots);
}

inline std::string explanation_json(const std::string& sentence, bool never = false) {
  return fmt::format(
      R"({{"job":12,"layer":"hb_0020","phase":"denoise","variant":0,"task":3,"frame":1040,"state":"waiting","sentence":"{}",)"
      R"("reasons":[{{"reason":"slots_busy","slots":2,"examples":["w1/cpu0","w2/cpu0"],"because":"busy with job 11","remedy":"wait about 4 s"}}],)"
      R"("can_never_run":{}}})",
      sentence, never);
}

}  // namespace framemill::cli::testing
