// What the store's tests share: a directory of their own, a store that is written to and waited for, sample records,
// and records as text, so that two of them can be compared field by field.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/state/record_set.h"
#include "scheduler/store/store.h"

namespace framemill::scheduler::store::testing {

class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Opens with a fresh nonce and a small ballast; fails the test when that fails, or when the store stops later.
std::unique_ptr<Store> open_store(const std::filesystem::path& path, StoreOptions options = {});

// Writes one batch and waits until it is durable.
std::uint64_t write_now(Store& store, Persist batch);
std::uint64_t write_now(Store& store, std::vector<Record> puts);

// Waits for the answer of an asynchronous read: ask([&](auto done) { return store.audit(0, 10, done); }).
template <class T, class Ask>
T answer_of(Ask ask);

// Every field of the record.
std::string text_of(const Record& record);
std::vector<std::string> texts_of(const std::vector<Record>& records);

// A job of command layers whose spec and plan went through the real parser and planner; layers of `tasks` tasks each.
JobRecord sample_job(std::uint32_t id, std::vector<int> tasks = {8, 3});
PhaseRecord sample_phase(PhaseId id, jobs::TaskState all, std::uint32_t tasks);
AttemptRecord sample_attempt(jobs::Epoch epoch, std::uint64_t counter, PhaseId phase);
CommitRecord sample_commit(jobs::Epoch epoch, std::uint64_t counter, PhaseId phase, TaskIndex task, int files);
Cause sample_cause(std::string principal = "ana");

// Records of every kind, random but for their keys, which come from small ranges so that they meet again.
class RandomRecords {
 public:
  RandomRecords(std::uint64_t seed, jobs::Epoch epoch) : random_(seed), epoch_(epoch) {}
  Persist batch();

 private:
  Record record();
  template <std::size_t... Kinds>
  Record record_of(std::size_t kind, std::index_sequence<Kinds...>);
  // One for each kind of record; they are found by the type.
  void draw(JobRecord& job);
  void draw(PhaseRecord& record);
  void draw(TaskPageRecord& page);
  void draw(TaskTroubleRecord& trouble);
  void draw(AttemptRecord& attempt);
  void draw(CommitRecord& commit);
  void draw(WorkerRecord& worker);
  void draw(VersionRecord& version);
  void draw(RootRecord& root);
  void draw(LimitRecord& limit);
  void draw(SubmitTokenRecord& token);
  void draw(AuditRecord& audit);
  void draw(CountersRecord& counters);
  void draw(RemakeRecord& remade);
  void draw(ShareUsageRecord& usage);
  void draw(ShareRulesRecord& share);
  std::string word();
  PhaseId phase();
  base::WallTime time();
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::mt19937_64 random_;
  jobs::Epoch epoch_;
  std::uint32_t commits_ = 0;
  std::uint64_t audits_ = 0;
};

// What a reload gives when `batches` were written one after another: the newest record of each key, as texts by key.
class Model {
 public:
  void apply(const Persist& batch);
  std::vector<std::string> texts() const;  // sorted; without commits and audit rows

 private:
  RecordSet latest_;
};

}  // namespace framemill::scheduler::store::testing

#include <future>

namespace framemill::scheduler::store::testing {

template <class T, class Ask>
T answer_of(Ask ask) {
  std::promise<base::Result<T>> answer;
  const base::Status asked = ask([&](base::Result<T> result) { answer.set_value(std::move(result)); });
  asked.value();
  return answer.get_future().get().value();
}

}  // namespace framemill::scheduler::store::testing
