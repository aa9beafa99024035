// The checksum chain: for each transaction that adds commits or audit rows, SHA-256 over the link before it and those
// rows. The rows never change afterwards, so verify can make the chain again from the tables and find the first batch
// in which a row is missing, added or altered. Why not rely on SQLite: it has no page checksums, and drops a damaged
// tail of its write-ahead log in silence.
#pragma once

#include <cstdint>
#include <string>

#include "base/sha256.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

class ChainLink {
 public:
  ChainLink(const base::Sha256& before, std::uint64_t sequence);
  void add(const CommitRecord& commit);  // in order of job, phase, task; before the audit rows
  void add(const AuditRecord& audit);    // in order of number
  base::Sha256 finish();

 private:
  void number(std::uint64_t value);
  void text(std::string_view value);
  void digest(const base::Sha256& value);
  void flush();
  std::string buffer_;
  base::Sha256Sum sum_;
};

}  // namespace framemill::scheduler::store
