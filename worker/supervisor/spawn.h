// Starts a child process of the worker: its own process group, a parent-death signal, no descriptor but the ones named,
// an environment given in full, pinned to CPUs, capped in memory, the first one that the kernel kills when memory is
// short. Call on the loop's thread: the parent-death signal follows the thread that forked.
//
// Errors: host.descriptors, host.processes, host.memory, storage_full, storage_failed (base/os_error.h: the host's
// condition, whatever was to be started), spawn.too_long (arguments and environment beyond what the kernel takes),
// spawn.failed. The message tells which step.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_code.h"
#include "base/result.h"
#include "worker/supervisor/unique_fd.h"

namespace framemill::worker {

enum class SpawnError : std::uint8_t { Failed, TooLong };
std::string_view text_of(SpawnError error);  // "spawn.too_long"

struct SpawnRequest {
  std::vector<std::string> argv;         // argv[0] is an absolute path
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::filesystem::path directory = "/";
  int descriptor_3 = -1;             // becomes descriptor 3; -1: none
  int descriptor_4 = -1;             // becomes descriptor 4: see confinement.h; -1: none
  int output = -1;                   // becomes descriptors 1 and 2; -1: /dev/null
  int error_output = -1;             // becomes descriptor 2 instead
  std::vector<int> cpus;             // affinity; empty: the worker's
  std::uint64_t data_bytes_max = 0;  // RLIMIT_DATA; 0: none. Never RLIMIT_AS: CUDA reserves address space freely
  // RLIMIT_NPROC: as many processes and threads as the host has now, and so many more; 0: none. The kernel counts those of
  // the child's user, and holds root to no such limit.
  std::uint32_t processes_more_max = 0;
  std::string cgroup_procs;  // file that takes the new process into its cgroup; empty: none
  int niceness = 0;
  int parent_death_signal = SIGKILL;
};

struct Process {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable when the process has ended
};

base::Result<Process> spawn(const SpawnRequest& request);

// What the child may know of the worker's environment: PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ and the names in
// `also`.
std::vector<std::string> allowed_environment(const std::vector<std::string>& also);

// How a process ended; reaps it. Call when its pidfd is readable.
struct ProcessEnd {
  int exit_status = -1;  // -1: by a signal
  int signal = 0;
  int start_error = 0;                    // errno: the keeper could not start the command at all
  std::uint64_t resident_bytes_peak = 0;  // the largest of its processes
};
ProcessEnd reap(const Process& process);

// A pipe whose reading end does not block and closes on exec.
struct Pipe {
  UniqueFd reading, writing;
};
base::Result<Pipe> make_pipe();

}  // namespace framemill::worker
