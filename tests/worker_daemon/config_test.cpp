#include "worker/daemon/config.h"

#include <catch2/catch.hpp>
#include <vector>

#include "worker/daemon/devices.h"

namespace framemill::worker {
namespace {

constexpr const char* kLeast = R"(
scheduler = "tcp://127.0.0.1:8751"
scheduler_key_file = "scheduler.key.pub"
key_file = "w1.key"
)";

HostFacts host(std::vector<int> cpus = {0, 1, 2, 3}) {
  return {std::move(cpus), 16ull << 30, "A CPU", {}};
}

TEST_CASE("the least configuration has a name, defaults, and paths beside the file") {
  const auto config = parse_worker_config(kLeast, "/etc/framemill");
  REQUIRE(config.ok());
  CHECK_FALSE(config->name.empty());
  CHECK(config->key_file == "/etc/framemill/w1.key");
  CHECK(config->drain_timeout == base::seconds(60));
  CHECK(config->commands.empty());
}

TEST_CASE("everything can be set") {
  const auto config = parse_worker_config(std::string(kLeast) + R"(
name = "w1"
models = ["models", "/srv/models"]
environment = ["OCIO"]
drain_timeout = "10s"
hang_timeout = "500ms"
umask = "0027"
niceness = 5
[roots]
main = "frames"
[commands]
nuke = "/opt/nuke"
[[device]]
kind = "cpu"
name = "cpu0"
cpus = [1]
memory = "2GiB"
[[slot]]
name = "s0"
device = "cpu0"
threads = 1
host_memory = "512MiB"
)",
                                          "/x");
  REQUIRE(config.ok());
  CHECK(config->models == std::vector<std::filesystem::path>{"/x/models", "/srv/models"});
  CHECK(config->umask == 027);
  CHECK(config->roots.at("main") == "/x/frames");
  CHECK(config->devices[0].memory_bytes == 2ull << 30);
  CHECK(config->slots[0].host_memory_bytes == 512ull << 20);
}

TEST_CASE("every mistake is told with its line and what to do") {
  struct Case {
    const char* text;
    const char* code;
    const char* part;  // of message and hint
  };
  const std::vector<Case> cases{
      {"drain_timout = \"5s\"", "config.unknown_key", "did you mean drain_timeout?"},
      {"[[slot]]\nname = \"s\"\ndevice = \"cpu0\"\nthread = 1", "config.unknown_key", "did you mean threads?"},
      {"drain_timeout = 5", "config.wrong_type", "duration such as"},
      {"drain_timeout = \"5 parsecs\"", "config.wrong_type", "duration such as"},
      {"niceness = 99", "config.out_of_range", "between 0 and 19"},
      {"umask = 22", "config.wrong_type", "octal"},
      {"umask = \"0999\"", "config.wrong_type", "octal"},
      {"[roots]\n\"../x\" = \"y\"", "config.out_of_range", "letters"},
      {"[roots]\nmain = 5", "config.wrong_type", "is a path"},
      {"[commands]\nnuke = \"nuke\"", "config.out_of_range", "absolute"},
      {"[[device]]\nname = \"d\"\nkind = \"tpu\"", "config.out_of_range", "cpu"},
      {"[[device]]\nname = \"d\"\nkind = \"cuda\"", "config.missing_key", "nvidia-smi"},
      {"[[device]]\nname = \"d\"\nmemory = \"2GB\"", "config.wrong_type", "GiB"},
      {"[[device]]\nname = \"d\"\n[[device]]\nname = \"d\"", "config.device", "two devices"},
      {"[[device]]\nname = \"d\"\n[[slot]]\nname = \"s\"\ndevice = \"e\"", "config.device", "no [[device]]"},
      {"[[slot]]\nname = \"s\"", "config.missing_key", "device"},
      {"models = \"dir\"", "config.wrong_type", "list of strings"},
      {"this is no toml", "config.syntax", "line 5"},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    const auto config = parse_worker_config(std::string(kLeast) + one.text, "/x");
    REQUIRE_FALSE(config.ok());
    CHECK(config.error().code == one.code);
    CHECK((config.error().message + " " + config.error().hint).find(one.part) != std::string::npos);
  }
  CHECK(parse_worker_config("name = \"w\"", "/x").error().code == "config.missing_key");
}

WorkerConfig with(const char* text) {
  auto config = parse_worker_config(std::string(kLeast) + text, "/x");
  REQUIRE(config.ok());
  return *config;
}

TEST_CASE("without devices a host without GPUs is one CPU device with one slot on all CPUs") {
  const auto plan = plan_host(with(""), host());
  REQUIRE(plan.ok());
  REQUIRE(plan->slots.size() == 1);
  CHECK(plan->slots[0].threads == 4);
  CHECK(plan->slots[0].cpus.empty());  // all of them: nothing to pin
  CHECK(plan->devices[0].memory_bytes_budget == 8ull << 30);
}

TEST_CASE("without devices every GPU is a device with a slot of its own, near its CPUs") {
  HostFacts facts = host();
  facts.gpus = {{"GPU-a", "A100", 80ull << 30, 80ull << 30, {0, 1}},
                {"GPU-b", "A100", 80ull << 30, 80ull << 30, {2, 3}}};
  const auto plan = plan_host(with(""), facts);
  REQUIRE(plan.ok());
  REQUIRE(plan->slots.size() == 2);
  CHECK(plan->devices[1].id == "GPU-b");
  CHECK(plan->devices[1].memory_bytes_budget == (80ull << 30) / 10 * 9);
  CHECK(plan->slots[1].cpus == std::vector<int>{2, 3});
  CHECK(plan->slots[1].host_bytes_max == 0);
}

TEST_CASE("slots of one device share its CPUs and its memory") {
  const auto plan =
      plan_host(with("[[device]]\nname = \"d\"\nmemory = \"8GiB\"\n[[slot]]\nname = \"a\"\ndevice = \"d\"\n"
                     "[[slot]]\nname = \"b\"\ndevice = \"d\"\n"),
                host());
  REQUIRE(plan.ok());
  CHECK(plan->slots[0].cpus == std::vector<int>{0, 1});
  CHECK(plan->slots[1].cpus == std::vector<int>{2, 3});
  CHECK(plan->slots[1].device_bytes_budget == 4ull << 30);
  CHECK(plan->slots[1].host_bytes_max > 4ull << 30);
}

TEST_CASE("what this host does not have is refused") {
  CHECK(plan_host(with("[[device]]\nname = \"g\"\nkind = \"cuda\"\nuuid = \"GPU-x\"\n"), host()).error().code ==
        "config.device");
  CHECK(plan_host(with("[[device]]\nname = \"d\"\nmemory = \"64GiB\"\n"), host()).error().code == "config.device");
  CHECK(plan_host(with("[[device]]\nname = \"d\"\ncpus = [9]\n"), host()).error().code == "config.device");
}

}  // namespace
}  // namespace framemill::worker
