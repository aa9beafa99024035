#include "worker/daemon/config.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <vector>

#include "worker/daemon/devices.h"
#include "worker/daemon/translate.h"

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

TEST_CASE("commands are confined unless worker.toml says otherwise") {
  const auto of = [](const std::string& more) { return parse_worker_config(kLeast + more, "/etc/framemill"); };
  CHECK(of("")->confinement.mode == "required");
  const auto set =
      of("[confinement]\nmode = \"best_effort\"\nuser = \"job\"\nread = [\"/srv/luts\"]\nwrite = [\"cache\"]\n");
  REQUIRE(set.ok());
  CHECK(set->confinement.mode == "best_effort");
  CHECK(set->confinement.user == "job");
  CHECK(set->confinement.read == std::vector<std::filesystem::path>{"/srv/luts"});
  CHECK(set->confinement.write == std::vector<std::filesystem::path>{"/etc/framemill/cache"});
  CHECK(of("[confinement]\nmode = \"none\"\n").error().code == "config.unknown_value");
  CHECK(of("[confinement]\nunconfined = true\n").error().code == "config.unknown_key");
}

TEST_CASE("previews can be switched off, and cost a share of the host") {
  const auto of = [](const std::string& more) { return parse_worker_config(kLeast + more, "/etc/framemill"); };
  CHECK(of("")->previews.enabled);
  const auto set = of("[previews]\nenabled = false\nbudget = 0.5\nkeep = \"2h\"\n");
  REQUIRE(set.ok());
  CHECK_FALSE(set->previews.enabled);
  CHECK(set->previews.budget == 0.5);
  CHECK(set->previews.keep == base::seconds(7200));
  CHECK(of("[previews]\nbudget = 2\n").error().code == "config.out_of_range");
  CHECK(of("[previews]\nbudget = 0\n").error().code == "config.out_of_range");
  CHECK(of("[previews]\nkeep = \"5s\"\n").error().code == "config.out_of_range");
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

TEST_CASE("every mistake is reported with its line and what to do") {
  struct Case {
    const char* text;
    const char* code;
    const char* part;  // of message and hint
  };
  const std::vector<Case> cases{
      {"drain_timout = \"5s\"", "config.unknown_key", "did you mean \"drain_timeout\"?"},
      {"[[slot]]\nname = \"s\"\ndevice = \"cpu0\"\nthread = 1", "config.unknown_key", "did you mean \"threads\"?"},
      {"drain_timeout = 5", "config.wrong_type", "write it in quotes"},
      {"drain_timeout = 60s", "config.unquoted", "write it in quotes: drain_timeout = \"60s\""},
      {"drain_timeout = \"5 min\"", "config.bad_duration", "write 5m"},
      {"drain_timeout = \"5 parsecs\"", "config.bad_duration", "such as \"90s\""},
      {"niceness = 99", "config.out_of_range", "99 is not in 0 to 19"},
      {"umask = 22", "config.wrong_type", "umask = \"22\""},
      {"umask = \"0999\"", "config.out_of_range", "octal"},
      {"[roots]\n\"../x\" = \"y\"", "config.bad_name", "letters"},
      {"[roots]\nmain = 5", "config.wrong_type", "main = \"5\""},
      {"[commands]\nnuke = \"nuke\"", "config.out_of_range", "absolute"},
      {"[[device]]\nname = \"d\"\nkind = \"tpu\"", "config.unknown_value", "cpu"},
      {"[[device]]\nname = \"d\"\nkind = \"cuda\"", "config.missing_key", "nvidia-smi"},
      {"[[device]]\nname = \"d\"\nmemory = \"2GB\"", "config.bad_size", "write 2GiB"},
      {"[[device]]\nname = \"d\"\n[[device]]\nname = \"d\"", "config.device", "two devices"},
      {"[[device]]\nname = \"d\"\n[[slot]]\nname = \"s\"\ndevice = \"e\"", "config.device", "no [[device]]"},
      {"[[slot]]\nname = \"s\"", "config.missing_key", "device"},
      {"models = \"dir\"", "config.wrong_type", "models = [\"dir\"]"},
      {"[slot]\nname = \"s\"\ndevice = \"d\"\n[slot]\nname = \"t\"", "config.syntax",
       "write [[slot]], with two brackets"},
      {"name = \"w\u200B1\"", "config.control_character", "U+200B"},
      {"# Gr\xfc\xdf"
       "e",
       "config.bad_utf8", "Latin-1"},
      {"name = \"a\"\nname = \"b\"", "config.duplicate_key", "delete one of the two"},
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

TEST_CASE("all mistakes of worker.toml are reported at once, each with its line") {
  const auto config = parse_worker_config(std::string("\xef\xbb\xbf") + kLeast + R"(
shceduler = "tcp://10.0.0.5:8751"
drain_timeout = 60s
niceness = 99
[[slot]]
name = "s 1"
device = cpu0
thread = 4
)",
                                          "/x");
  REQUIRE_FALSE(config.ok());
  CHECK(config.error().code == "config.unknown_key");
  CHECK(
      config.error().message ==
      "6 mistakes\n"
      "  line 6: unknown key \"shceduler\" (did you mean \"scheduler\"?)\n"
      "  line 7: write it in quotes: drain_timeout = \"60s\"\n"
      "  line 8: niceness: 99 is not in 0 to 19\n"
      "  line 10: slot[0].name: \"s 1\" is not safe in a file name: it holds a space (letters, digits, \"_\", \".\" and "
      "\"-\", not first \".\" or \"-\", at most 64)\n"
      "  line 11: write it in quotes: device = \"cpu0\"\n"
      "  line 12: slot[0].thread: unknown key \"thread\" (did you mean \"threads\"?)");
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
}

TEST_CASE("every slot has a cap on host memory: a CUDA slot its share of what CPU slots leave of three quarters") {
  HostFacts facts = host();
  facts.memory_bytes = 256ull << 30;
  facts.gpus = {{"GPU-a", "A100", 80ull << 30, 80ull << 30, {0, 1}},
                {"GPU-b", "A100", 80ull << 30, 80ull << 30, {2, 3}}};
  const auto caps = [&](const char* text) {
    const auto plan = plan_host(with(text), facts);
    REQUIRE(plan.ok());
    std::vector<std::uint64_t> gib;
    for (const SlotPlan& slot : plan->slots) gib.push_back(slot.host_bytes_max >> 30);
    return gib;
  };
  using Caps = std::vector<std::uint64_t>;
  CHECK(caps("") == Caps{96, 96});
  const char* mixed =
      "[[device]]\nname = \"g\"\nkind = \"cuda\"\nuuid = \"GPU-a\"\n"
      "[[device]]\nname = \"c\"\nmemory = \"63GiB\"\n"
      "[[slot]]\nname = \"g0\"\ndevice = \"g\"\n[[slot]]\nname = \"g1\"\ndevice = \"g\"\n"
      "[[slot]]\nname = \"c0\"\ndevice = \"c\"\n";
  CHECK(caps(mixed) == Caps{64, 64, 64});
  facts.memory_bytes = 16ull << 30;
  CHECK(caps("") == Caps{8, 8});  // less would not hold LibTorch with CUDA
  facts.memory_bytes = 6ull << 30;
  CHECK(caps("") == Caps{6, 6});
  CHECK(caps("[[device]]\nname = \"g\"\nkind = \"cuda\"\nuuid = \"GPU-a\"\n"
             "[[slot]]\nname = \"g0\"\ndevice = \"g\"\nhost_memory = \"5GiB\"\n") == Caps{5});
}

TEST_CASE("an executor sees the one GPU of its slot by UUID, the CPUs near it, and the allowed environment alone") {
  HostFacts facts = host();
  facts.gpus = {{"GPU-a", "A100", 80ull << 30, 80ull << 30, {0, 1}},
                {"GPU-b", "A100", 80ull << 30, 80ull << 30, {2, 3}}};
  ::setenv("FRAMEMILL_TEST_SECRET", "do not tell", 1);
  ::setenv("FRAMEMILL_TEST_ALLOWED", "yes", 1);
  ::setenv("CUDA_VISIBLE_DEVICES", "7", 1);
  const WorkerConfig config = with("environment = [\"FRAMEMILL_TEST_ALLOWED\"]\n");
  const auto sees = [](const SpawnRequest& request, const std::string& entry) {
    return std::count(request.environment.begin(), request.environment.end(), entry) == 1;
  };
  const SpawnRequest second = executor_spawn(config, plan_host(config, facts).value(), 1, "/bin/executor");
  CHECK(sees(second, "CUDA_VISIBLE_DEVICES=GPU-b"));
  CHECK(sees(second, "OMP_NUM_THREADS=2"));
  CHECK(sees(second, "FRAMEMILL_TEST_ALLOWED=yes"));
  CHECK_FALSE(sees(second, "FRAMEMILL_TEST_SECRET=do not tell"));
  CHECK_FALSE(sees(second, "CUDA_VISIBLE_DEVICES=7"));
  CHECK(second.cpus == std::vector<int>{2, 3});
  CHECK(second.parent_death_signal == SIGKILL);
  // A CPU slot sees no GPU at all.
  CHECK(sees(executor_spawn(config, plan_host(config, host()).value(), 0, "/bin/executor"), "CUDA_VISIBLE_DEVICES="));
  ::unsetenv("CUDA_VISIBLE_DEVICES");
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
