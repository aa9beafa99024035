#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "scheduler/daemon/config.h"

namespace framemill::scheduler {

TEST_CASE("the sample configuration is right and shows the defaults") {
  const auto text = base::read_file(FRAMEMILL_SOURCE_DIR "/configs/scheduler.toml", 1 << 20);
  REQUIRE(text.ok());
  const auto config = parse_scheduler_config(*text, "/etc/framemill");
  INFO((config.ok() ? std::string() : config.error().message));
  REQUIRE(config.ok());
  const SchedulerConfig defaults;
  CHECK(config->listen_http == defaults.listen_http);
  CHECK(config->listen_workers == defaults.listen_workers);
  CHECK(config->allow_remote == defaults.allow_remote);
  CHECK(config->http_socket_mode == defaults.http_socket_mode);
  CHECK(config->dashboard_hosts == defaults.dashboard_hosts);
  CHECK(config->backups_kept == defaults.backups_kept);
  CHECK(config->backups() == config->data_directory / "backups");
  CHECK(config->lease_ttl == defaults.lease_ttl);
  CHECK(config->silence_alarm == defaults.silence_alarm);
  CHECK(config->key_file == "/etc/framemill/scheduler.key");
  CHECK(config->roots.at("main") == "/mnt/shows");
  CHECK(config->live_jobs_per_user == defaults.live_jobs_per_user);
  CHECK(config->limits.tokens.empty());
  CHECK(config->shares.half_life == defaults.shares.half_life);
  CHECK(config->shares.device_weights == defaults.shares.device_weights);
  CHECK(config->shares.rules.empty());
  CHECK(config->http_limits.connections == defaults.http_limits.connections);
  CHECK(config->http_limits.connections_per_address == defaults.http_limits.connections_per_address);
  CHECK(config->http_limits.connections_per_token == defaults.http_limits.connections_per_token);
  CHECK(config->http_limits.requests_at_once_per_token == defaults.http_limits.requests_at_once_per_token);
  CHECK(config->http_limits.requests_per_second_per_token == defaults.http_limits.requests_per_second_per_token);
  CHECK(config->http_limits.requests_per_second_per_address == defaults.http_limits.requests_per_second_per_address);
  CHECK_FALSE(defaults.metrics_loopback_without_token);
  CHECK(config->metrics_loopback_without_token == defaults.metrics_loopback_without_token);
}

TEST_CASE("a scrape without a token is for the configuration to allow") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  CHECK(parse_scheduler_config(files + "[metrics]\nloopback_without_token = true\n", "/etc/framemill")
            ->metrics_loopback_without_token);
  CHECK(parse_scheduler_config(files + "[metrics]\nopen = true\n", "/etc/framemill").error().code ==
        "config.unknown_key");
}

TEST_CASE("a limit of the HTTP interface that is not one is refused with its line and range") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto parse = [&](const std::string& limits) {
    return parse_scheduler_config(files + "[http_limits]\n" + limits + "\n", "/etc/framemill");
  };
  const auto good = parse("connections = 64\nrequests_per_second_per_token = 10");
  REQUIRE(good.ok());
  CHECK(good->http_limits.connections == 64);
  CHECK(good->http_limits.requests_per_second_per_token == 10);
  CHECK(parse("connections = 15").error().code == "config.out_of_range");
  CHECK(parse("connections = -1").error().code == "config.out_of_range");
  CHECK(parse("connections = 4.5").error().code == "config.wrong_type");
  const auto typo = parse("connexions = 64");
  REQUIRE_FALSE(typo.ok());
  CHECK(typo.error().code == "config.unknown_key");
  CHECK(typo.error().field == "http_limits.connexions");
  CHECK(typo.error().message.find("line 6") != std::string::npos);
  CHECK(typo.error().hint == "did you mean \"connections\"?");
  CHECK(parse("connections = 64,\nrequests_per_second_per_token = x").error().message.find("2 mistakes") == 0);
}

TEST_CASE("the mode of a socket is octal text that its owner can use it with") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto mode = [&](const std::string& text) {
    return parse_scheduler_config(files + "http_socket_mode = " + text + "\n", "/etc/framemill");
  };
  CHECK(mode("\"0660\"")->http_socket_mode == 0660);
  CHECK(mode("\"666\"")->http_socket_mode == 0666);
  for (const char* bad : {"\"0460\"", "\"rw-rw----\"", "\"1777\"", "\"0689\"", "\"-660\""}) {
    INFO(bad);
    CHECK(mode(bad).error().code == "config.out_of_range");
  }
  CHECK(mode("660").error().code == "config.wrong_type");
}

TEST_CASE("drop-in files are read behind the file, the last value counts, and each value tells where it is from") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("framemill-config-" + std::to_string(base::random_u64()));
  std::filesystem::create_directories(directory / "scheduler.toml.d");
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(directory / name) << text; };
  write("scheduler.toml",
        "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\nbackups_kept = 3\n"
        "models = [\"/a\"]\n[roots]\nmain = \"/mnt/main\"\n");
  write("scheduler.toml.d/10-site.toml", "tokens_file = \"t\"\nbackups_kept = 5\nmodels = [\"/b\"]\n");
  write("scheduler.toml.d/20-host.toml", "backups_kept = 7\n[roots]\nplates = \"\"\n[http_limits]\nconnections = 64\n");
  write("scheduler.toml.d/notes.txt", "not read");
  const auto config = read_scheduler_config(directory / "scheduler.toml");
  INFO((config.ok() ? "" : config.error().message));
  REQUIRE(config.ok());
  CHECK(config->backups_kept == 7);
  CHECK(config->tokens_file == directory / "t");  // relative to the file, not to the directory of drop-ins
  CHECK(config->models == std::vector<std::filesystem::path>{"/b"});
  CHECK(config->roots.size() == 2);
  const std::string text = config_text(*config);
  const std::string place = directory.string() + "/scheduler.toml";
  for (const std::string& line :
       {"backups_kept = 7  # " + place + ".d/20-host.toml\n",
        "data_directory = \"" + directory.string() + "/d\"  # " + place + "\n",
        std::string("lease_ttl = \"120s\"  # default\n"), "connections = 64  # " + place + ".d/20-host.toml\n",
        std::string("requests_at_once_per_token = 32  # default\n"), "main = \"/mnt/main\"  # " + place + "\n"}) {
    INFO(text << "\n" << line);
    CHECK(text.find(line) != std::string::npos);
  }
  // What is printed is a file that says the same.
  const auto again = parse_scheduler_config(text, "/elsewhere");
  REQUIRE(again.ok());
  CHECK(again->backups_kept == 7);
  CHECK(again->roots == config->roots);
  CHECK(again->http_limits.connections == 64);

  CHECK(changed_keys(*config, *config).empty());
  SchedulerConfig other = *config;
  other.backups_kept = 8;
  other.http_limits.connections = 128;
  other.http_socket_group = "artists";
  other.dashboard_hosts = {"farm.example.com"};
  other.roots.erase("plates");
  CHECK(changed_keys(*config, other) == std::vector<std::string>{"http_socket_group", "dashboard_hosts", "backups_kept",
                                                                 "http_limits.connections", "roots.plates"});

  write("scheduler.toml.d/30-slip.toml", "backups_kept = 0\n");
  const auto slip = read_scheduler_config(directory / "scheduler.toml");
  CHECK(slip.error().code == "config.out_of_range");
  CHECK(slip.error().message.find("30-slip.toml") != std::string::npos);
  write("scheduler.toml.d/30-slip.toml", "");
  write("scheduler.toml.d/10-site.toml", "");
  CHECK(read_scheduler_config(directory / "scheduler.toml").error().code == "config.missing_key");
  std::filesystem::remove_all(directory);
}

TEST_CASE("limits of the farm have names and counts, and what cannot be counted is refused with its line") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto parse = [&](const std::string& limits) {
    return parse_scheduler_config(files + limits + "\n", "/etc/framemill");
  };
  const auto good = parse(
      "[limits]\nlive_jobs_per_user = 50\n[limits.tokens]\nnuke = 20\n[limits.models]\n\"big@1\" = 4\n"
      "[limits.programs]\nnuke_bin = [\"nuke\"]");
  INFO((good.ok() ? std::string() : good.error().message));
  REQUIRE(good.ok());
  CHECK(good->live_jobs_per_user == 50);
  CHECK(good->limits.tokens.at("nuke") == 20);
  CHECK(good->limits.models.at("big@1") == 4);
  CHECK(good->limits.programs.at("nuke_bin") == std::vector<std::string>{"nuke"});
  // What --print-config shows is a file that says the same.
  const auto again = parse_scheduler_config(config_text(*good), "/elsewhere");
  INFO((again.ok() ? std::string() : again.error().message));
  REQUIRE(again.ok());
  CHECK(again->live_jobs_per_user == 50);
  CHECK(again->limits.tokens == good->limits.tokens);
  CHECK(again->limits.models == good->limits.models);
  CHECK(again->limits.programs == good->limits.programs);
  CHECK(parse("[limits]\nlive_jobs_per_user = 0").error().code == "config.out_of_range");
  CHECK(parse("[limits]\nlive_jobs = 5").error().code == "config.unknown_key");
  CHECK(parse("[limits.tokens]\nnuke = -1").error().code == "config.out_of_range");
  CHECK(parse("[limits.tokens]\nnuke = \"20\"").error().code == "config.wrong_type");
  CHECK_FALSE(parse("[limits.tokens]\n\"big@1\" = 4").ok());
  CHECK(parse("[limits.models]\nbig = 4").error().code == "config.bad_name");
  CHECK(parse("[limits.programs]\nnuke_bin = [\"nuke\"]").error().code == "config.unknown_value");
}

TEST_CASE("shares are groups, shows and users, each with its weight, guarantee and cap") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto parse = [&](const std::string& shares) {
    return parse_scheduler_config(files + "[shares]\n" + shares + "\n", "/etc/framemill");
  };
  const auto good = parse(
      "half_life = \"12h\"\ndevice_weights = {\"NVIDIA H200\" = 2, cuda = 0.5}\n"
      "[shares.nodes.features]\nweight = 3\nshows = [\"atlas\"]\n"
      "[shares.nodes.\"features/atlas/ana\"]\nweight = 0.5\nguarantee = 2\nslots_max = 8\n");
  INFO((good.ok() ? std::string() : good.error().message));
  REQUIRE(good.ok());
  CHECK(good->shares.half_life == base::seconds(12 * 3600));
  CHECK(good->shares.device_weights == std::map<std::string, double>{{"NVIDIA H200", 2}, {"cpu", 0.05}, {"cuda", 0.5}});
  CHECK(good->shares.rules.at("features") == ShareRules{3, {}, {}});
  CHECK(good->shares.rules.at("features/atlas/ana") == ShareRules{0.5, 2, 8});
  CHECK(good->shares.group_of.at("atlas") == "features");
  CHECK(parse("[shares.nodes.atlas]\nweight = 0").error().code == "config.out_of_range");
  CHECK(parse("[shares.nodes.atlas]\nslots_max = 0").error().code == "config.out_of_range");
  CHECK(parse("[shares.nodes.atlas]\nwieght = 2").error().hint == "did you mean \"weight\"?");
  CHECK(parse("[shares.nodes.\"/atlas\"]\nweight = 2").error().code == "config.bad_name");
  CHECK(parse("[shares.nodes.a]\nshows = [\"x\"]\n[shares.nodes.b]\nshows = [\"x\"]").error().code ==
        "config.out_of_range");
  CHECK(parse("half_life = \"5s\"").error().code == "config.out_of_range");
}

TEST_CASE("a root of scheduler.toml may be written as worker.toml has it") {
  const std::string files = "data_directory = \"d\"\nkey_file = \"k\"\nworkers_file = \"w\"\ntokens_file = \"t\"\n";
  const auto config = parse_scheduler_config(
      files + "[roots]\nmain = \"frames\"\nfar = \"\"\nplates = {path = \"/mnt/plates\", access = \"read\"}\n",
      "/etc/framemill");
  REQUIRE(config.ok());
  CHECK(config->roots.at("main") == "/etc/framemill/frames");
  CHECK(config->roots.at("far").empty());
  CHECK(config->roots.at("plates") == "/mnt/plates");
}

}  // namespace framemill::scheduler
