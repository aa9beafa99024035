// The farm's history as a trace: what tasks took at speed 1, loads, speeds of device classes, and what waits for what.
#include "cli/trace_export.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace framemill::cli {
namespace {

json::value parsed(const std::string& text) {
  base::Result<json::value> value = parse_json(text);
  INFO(text);
  REQUIRE(value.ok());
  return std::move(value).value();
}

std::string attempt(const std::string& layer, const std::string& phase, int variant, int tasks, double compute_s,
                    double load_s = 0, const std::string& device_class = "a", double wall_s = 0) {
  return fmt::format(
      "{{\"layer\": \"{}\", \"phase\": \"{}\", \"variant\": {}, \"tasks_committed\": {}, \"device_class\": \"{}\", \"usage\": "
      "{{\"compute_us\": {}, \"wall_us\": {}, \"load_us\": {}, \"model_loads\": {}, \"peak_bytes\": 4096}}}}",
      layer, phase, variant, tasks, device_class, static_cast<long>(compute_s * 1e6), static_cast<long>(wall_s * 1e6),
      static_cast<long>(load_s * 1e6), load_s > 0 ? 1 : 0);
}

const char* kJob =
    "{\"id\": 4, \"name\": \"boards\", \"show\": \"atlas\", \"principal\": \"ana\", \"priority\": 70, "
    "\"submitted\": \"2026-12-01T10:00:05Z\"}";
const char* kPlan =
    "{\"spec\": {\"deadline\": \"2026-12-01T11:00:05Z\", \"layer\": [{\"name\": \"b\", \"model\": \"m@1\", \"plan\": \"chain\", "
    "\"variants\": 2}, {\"name\": \"grade\", \"inputs\": [{\"layer\": \"b\"}, {\"root\": \"plates\"}]}]}}";

base::Status add(TraceExport& trace, const std::string& job, const std::string& attempts) {
  return trace.add_job(parsed(job), parsed(kPlan), parsed("[" + attempts + "]").as_array());
}

TEST_CASE("a job becomes a line with what its tasks took, decoding and loads told apart") {
  TraceExport trace;
  REQUIRE(trace
              .add_workers(
                  parsed("[{\"name\": \"w1\", \"slots\": [{}, {}], \"devices\": [{\"device_class\": \"a\", \"kind\": "
                         "\"cuda\", \"memory_bytes_budget\": 8192}]}]")
                      .as_array())
              .ok());
  REQUIRE(add(trace, kJob,
              attempt("b", "denoise", 0, 2, 20, 60) + "," + attempt("b", "decode", 0, 2, 4) + "," +
                  attempt("b", "denoise", 1, 1, 11) + "," + attempt("grade", "command", 0, 4, 0, 0, "a", 6))
              .ok());
  CHECK(
      trace.text() ==
      "{\"trace\":\"framemill/v1\"}\n"
      "{\"worker\":\"w1\",\"slots\":2,\"device\":\"cuda\",\"class\":\"a\",\"memory\":\"8192B\",\"speed\":1E0}\n"
      "{\"model\":\"m@1\",\"load_s\":6E1,\"memory\":\"4096B\"}\n"
      "{\"job\":\"boards\",\"show\":\"atlas\",\"user\":\"ana\",\"at_s\":0E0,\"priority\":70,\"deadline_s\":3.6E3,\"layers\":"
      "[{\"name\":\"b\",\"tasks\":2,\"task_s\":1.2E1,\"model\":\"m@1\",\"plan\":\"chain\"},"
      "{\"name\":\"b-2\",\"tasks\":1,\"task_s\":1.1E1,\"model\":\"m@1\",\"plan\":\"chain\"},"
      "{\"name\":\"grade\",\"tasks\":4,\"task_s\":1.5E0,\"after\":[\"b\"]}]}\n");
}

TEST_CASE("a device class that takes twice as long has half the speed, and its tasks count at speed 1") {
  TraceExport trace;
  REQUIRE(add(trace, kJob,
              attempt("b", "denoise", 0, 8, 80) + "," + attempt("b", "denoise", 0, 4, 80, 0, "slow") + "," +
                  attempt("b", "denoise", 1, 1, 10))
              .ok());
  REQUIRE(trace
              .add_workers(
                  parsed("[{\"name\": \"w1\", \"slots\": [{}], \"devices\": [{\"device_class\": \"slow\", \"kind\": "
                         "\"cpu\", \"memory_bytes_budget\": 1}]}]")
                      .as_array())
              .ok());
  CHECK(trace.text().find("\"speed\":5E-1") != std::string::npos);
  CHECK(trace.text().find("\"tasks\":12,\"task_s\":1E1") != std::string::npos);
}

TEST_CASE("a job of which nothing was made is left out, and a reply that is none is refused") {
  TraceExport trace;
  REQUIRE(add(trace, kJob, attempt("b", "denoise", 0, 0, 3)).ok());
  CHECK(trace.jobs() == 0);
  CHECK(add(trace, "{\"id\": 1}", "").error().code == "http.bad_reply");
  CHECK_FALSE(trace.add_workers(parsed("[{\"name\": 3}]").as_array()).ok());
}

}  // namespace
}  // namespace framemill::cli
