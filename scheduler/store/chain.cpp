#include "scheduler/store/chain.h"

#include <bit>
#include <cstring>

namespace framemill::scheduler::store {

static_assert(std::endian::native == std::endian::little, "the chain hashes numbers in little-endian order");

ChainLink::ChainLink(const base::Sha256& before, std::uint64_t sequence) {
  digest(before);
  number(sequence);
}

// The attempt's nonce is left out: the tables keep it once per epoch.
void ChainLink::add(const CommitRecord& commit) {
  number((std::uint64_t{commit.phase.job.value} << 32) | commit.phase.index);
  number(commit.task);
  number(commit.attempt.epoch.number);
  number(commit.attempt.counter);
  number(commit.worker.value);
  number(static_cast<std::uint64_t>(commit.time.unix_ms));
  number(commit.duration_us);
  text(commit.root);
  text(commit.device_class);
  number(commit.files.size());
  for (const FileRecord& file : commit.files) {
    number(static_cast<std::uint64_t>(file.kind));
    number(static_cast<std::uint64_t>(file.frame));
    number(file.size_bytes);
    text(file.staged);
    text(file.path);
    digest(file.sha256);
    digest(file.samples_sha256);
  }
  number(commit.reads.size());
  for (const ReadRecord& read : commit.reads) {
    text(read.root);
    text(read.path);
    number(read.size_bytes);
    digest(read.sha256);
  }
  if (buffer_.size() > 65536) flush();
}

void ChainLink::add(const AuditRecord& audit) {
  number(audit.sequence);
  number(static_cast<std::uint64_t>(audit.cause.time.unix_ms));
  text(audit.cause.principal);
  text(audit.cause.reason);
  text(audit.verb);
  text(audit.target);
}

base::Sha256 ChainLink::finish() {
  flush();
  return sum_.finish();
}

void ChainLink::number(std::uint64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  buffer_.append(bytes, 8);
}

void ChainLink::text(std::string_view value) {
  number(value.size());
  buffer_.append(value);
}

void ChainLink::digest(const base::Sha256& value) {
  buffer_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

void ChainLink::flush() {
  sum_.add(buffer_);
  buffer_.clear();
}

}  // namespace framemill::scheduler::store
