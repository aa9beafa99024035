// The storage that all hosts of the simulated farm see under one root's name: staging directories of attempts, final
// names, the orders kept for manifests. What each operation does and refuses is what worker/supervisor does (staging,
// publisher, manifest_writer), on maps instead of directories. It outlives every process.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/facts.h"

namespace framemill::sim {

using jobs::AttemptId;

struct StoredFile {
  base::Sha256 sha256;
  std::uint64_t size_bytes = 0;
  AttemptId made_by;
};

class SharedRoot {
 public:
  explicit SharedRoot(Facts& facts) : facts_(facts) {}

  // All return a code as the worker's rooms do; empty: it is done.
  std::string prepare(AttemptId attempt, jobs::JobId job, const std::string& owner);
  // A finished task: its files, and the note that lets a restarted worker deliver it.
  std::string write_task(AttemptId attempt, const wire::FinishedTask& task);
  std::string publish(const wire::PublishOrder& order);
  std::string write_manifest(const wire::ManifestOrder& order);
  void discard(jobs::JobId job, const std::string& owner);
  void drop_task(AttemptId attempt, jobs::TaskIndex task);
  void sweep(AttemptId attempt);
  void sweep_if_published(AttemptId attempt, const std::string& owner);
  std::vector<wire::FinishedTask> left_by(const std::string& owner) const;
  std::vector<wire::FinishedTask> tasks_of(AttemptId attempt) const;  // finished, in its directory
  std::vector<AttemptId> attempts_of(const std::string& owner) const;

  // Somebody removes an attempt's directory, or a task's files in it.
  std::vector<AttemptId> staged() const;
  void lose(AttemptId attempt);
  bool lost() const { return lost_; }  // ever

  const std::map<std::string, StoredFile>& named() const { return named_; }
  const std::map<std::pair<jobs::JobId, std::uint32_t>, std::uint64_t>& manifests() const { return manifests_; }

 private:
  struct Directory {
    std::string owner;
    jobs::JobId job;
    std::map<std::string, StoredFile> files;  // by staged name
    std::map<jobs::TaskIndex, wire::FinishedTask> done;
  };
  bool waits_for_publish(const Directory& directory, const wire::OutputFile& file) const;
  bool is_published(const Directory& directory) const;
  std::string name_file(const wire::PublishOrder& order, const wire::OutputFile& file);

  Facts& facts_;
  bool lost_ = false;
  std::map<AttemptId, Directory> staged_;
  std::map<std::string, StoredFile> named_;
  std::set<std::pair<jobs::PhaseId, jobs::TaskIndex>> kept_;                  // orders, for manifests
  std::map<std::pair<jobs::JobId, std::uint32_t>, std::uint64_t> manifests_;  // number in the job -> revision
};

}  // namespace framemill::sim
