// The files beside the database: its lock, the ballast, the mark of what was acknowledged; and the check that all of
// them lie on a local file system. Names are the database's with a suffix. Used on one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/sha256.h"

namespace framemill::scheduler::store {

// An open descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  void reset(int fd = -1);
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// store.network_file_system when the directory lies on NFS, SMB, 9p, Ceph, a FUSE mount or the like: their locks and
// their fsync do not keep what SQLite builds on.
base::Status require_local_file_system(const std::filesystem::path& directory);
// The rule alone, by the magic number of statfs(2).
bool is_network_file_system(std::int64_t magic);

// Held for as long as somebody works on the store: a second daemon, or verify beside a daemon, gets store.in_use.
// SQLite's own lock would not keep the files beside the database.
base::Result<Descriptor> lock_store(const std::filesystem::path& database);

// A file whose only use is to be deleted: its room lets commits, deletes and checkpoints go on when the disk is full.
class Ballast {
 public:
  Ballast(const std::filesystem::path& database, std::uint64_t size_bytes);
  bool in_place() const { return in_place_; }
  // Allocates it if it is missing; false when the disk has no room for it. After a disk was full (Refill) the room must
  // be there twice, so that the store does not swing between full and not.
  enum class Room { Once, Refill };
  bool restore(Room room);
  void release();

 private:
  std::filesystem::path path_;
  std::uint64_t size_bytes_;
  bool in_place_ = false;
};

// The last acknowledged sequence, written beside the database after each commit, without a sync of its own: it may lag
// behind the database after a power loss but never runs ahead. A database that is behind it has lost history: SQLite
// drops a damaged tail of its write-ahead log in silence.
class Mark {
 public:
  struct Value {
    std::uint64_t sequence = 0;
    base::Sha256 chain;
  };
  static base::Result<Mark> open(const std::filesystem::path& database);
  // The newest of its two slots that is whole; none in a new file, or when a power loss tore both.
  static base::Result<std::optional<Value>> read(const std::filesystem::path& database);
  // Forgets what was acknowledged: the history that it spoke of is given up.
  static base::Status clear(const std::filesystem::path& database);

  base::Status write(const Value& value);
  base::Status sync();

 private:
  explicit Mark(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

std::filesystem::path beside(const std::filesystem::path& database, std::string_view suffix);

// Gives a file of the store to the owner of the directory that it lies in, where root has made it: the scheduler, which
// is not root, must be able to open it afterwards. For everybody else it does nothing. Errors: store.file.
base::Status give_to_directory_owner(const std::filesystem::path& file);

}  // namespace framemill::scheduler::store
