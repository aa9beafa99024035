// worker.toml: who this worker is, whom it works for, what of this host it may use. Strictly read: an unknown key is an
// error that names the nearest known one; nothing is guessed. docs/worker-toml.md has a commented example.
//
// Errors: config.read, config.syntax, config.unknown_key, config.wrong_type, config.out_of_range, config.missing_key,
// config.device (slots and devices that do not fit together).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace framemill::worker {

struct DeviceConfig {
  std::string name;                // "cpu0"; what slots call it
  std::string kind = "cpu";        // or "cuda"
  std::string uuid;                // cuda: "GPU-..." (`nvidia-smi -L`)
  std::vector<int> cpus;           // CPUs it may use; empty: all, or those near the GPU
  std::uint64_t memory_bytes = 0;  // budget; 0: half of the host's memory, or nine tenths of the GPU's
};
struct SlotConfig {
  std::string name;
  std::string device;                   // DeviceConfig.name
  std::uint32_t threads = 0;            // of the network on the CPU; 0: its share of the device's CPUs
  std::vector<int> cpus;                // affinity; empty: its share of the device's
  std::uint64_t host_memory_bytes = 0;  // cap of its processes; 0: its share, see docs/worker-toml.md
};

// [confinement]: what commands may touch beside what they are given; docs/worker-toml.md.
struct ConfinementConfig {
  std::string mode = "required";  // or "best_effort", "off"
  std::string user;               // commands run as; empty: the worker's own
  std::vector<std::filesystem::path> read, write;
};

// [previews]: small pictures of published frames; docs/previews.md.
struct PreviewsConfig {
  bool enabled = true;
  double budget = 0.02;                                 // share of the host's processor time that they may use
  base::Duration keep = base::seconds(30 * 24 * 3600);  // after the last of a job was added
};

struct WorkerConfig {
  std::filesystem::path directory;  // of the configuration file
  std::string name;                 // for people; default: the host's name
  std::string scheduler;            // "tcp://10.0.0.5:8751"
  std::filesystem::path scheduler_key_file, key_file;
  std::filesystem::path executor, media;  // empty: beside the worker's own program
  std::vector<std::filesystem::path> models;
  std::map<std::string, std::filesystem::path> roots;
  std::set<std::string> read_only_roots;  // of them, those with access = "read"
  std::map<std::string, std::string> commands;
  ConfinementConfig confinement;
  PreviewsConfig previews;
  std::vector<std::string> environment;  // names that children may see beside the usual ones
  std::vector<DeviceConfig> devices;
  std::vector<SlotConfig> slots;
  base::Duration drain_timeout = base::seconds(60);
  base::Duration start_timeout = base::seconds(120);
  base::Duration hang_timeout = base::seconds(60);
  std::uint32_t umask = 022;
  std::string group;
  int niceness = 0;
};

// `directory`: what relative paths are relative to.
base::Result<WorkerConfig> parse_worker_config(std::string_view text, const std::filesystem::path& directory);
base::Result<WorkerConfig> read_worker_config(const std::filesystem::path& path);

}  // namespace framemill::worker
