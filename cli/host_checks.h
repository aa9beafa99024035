// What doctor looks at on this host. Each check tells what it found as findings: good, noteworthy, or a problem with
// what to do. Checks leave nothing behind. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace framemill::cli {

enum class Verdict { Good, Note, Problem, BadConfiguration };

struct Finding {
  Verdict verdict = Verdict::Good;
  std::string subject;  // "data directory /srv/framemill"
  std::string text;     // what was found
  std::string remedy;   // what to do; empty when all is well
};
using Findings = std::vector<Finding>;

void check_secret_key(const std::filesystem::path& file, Findings& findings);
// A file that decides who may come in: present, and not to be changed by others.
void check_access_list(const std::filesystem::path& file, const std::string& what, Findings& findings);
// The store's directory: private, writable, on a local disk that syncs in reasonable time (measured).
void check_data_directory(const std::filesystem::path& directory, Findings& findings);
// An output root: marker file, writable, hard links, free space.
enum class RootAccess { Read, Write };
void check_root(const std::string& name, const std::filesystem::path& path, RootAccess access, Findings& findings);
// Whether something keeps the clock right: deadlines, tokens and logs of several hosts are compared by it.
void check_clock(Findings& findings);
// The newest copy in the directory of backups: whether there is one, and whether it is of the last night.
void check_backups(const std::filesystem::path& directory, Findings& findings);
// The scheduler's addresses: free, or held by a running scheduler. The first tells whether one answers. `group`: of a
// Unix socket; may be empty.
bool check_listen_http(const std::string& address, const std::string& group, Findings& findings);
void check_listen_workers(const std::string& address, bool scheduler_answers, Findings& findings);
// The scheduler's worker port as a worker sees it.
void check_reachable(const std::string& address, Findings& findings);
// Every package of the directories, each file hashed.
void check_packages(const std::vector<std::filesystem::path>& directories, Findings& findings);
// Runs `framemill-executor self-test`.
void check_executor(const std::filesystem::path& program, const std::function<bool()>& keep_going, Findings& findings);

}  // namespace framemill::cli
