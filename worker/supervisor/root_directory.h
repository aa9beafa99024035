// A root: a named tree on this host, proven by its marker file, and everything under it reached by descriptors from its
// top, component by component. Links are followed as long as they lead into one of the host's roots (base/open_below.h);
// what the farm keeps for itself, below .framemill, is reached through no link at all. A path on the wire is hostile:
// absolute paths, "..", control characters and links out of every root are refused here, whatever was checked before.
// May be used from any one thread at a time; the daemon uses its I/O
// threads.
//
// Errors: root.missing, root.marker, path.bad, path.link, path.missing, path.denied, path.not_a_file, storage_full, storage_failed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/open_below.h"
#include "base/result.h"
#include "base/sha256.h"
#include "worker/supervisor/unique_fd.h"

namespace framemill::worker {

inline constexpr std::string_view kRootMarker = ".framemill-root";
inline constexpr std::size_t kPathBytesMax = 1024;
inline constexpr std::size_t kPathDepthMax = 32;

// The components of a relative path, or why it is refused.
base::Result<std::vector<std::string>> split_path(std::string_view relative);

// An error of the system as a value: ENOENT is path.missing, ELOOP path.link, what the host lacks host.* and a full
// disk storage_full (base/os_error.h), the rest storage_failed.
base::Error storage_error(int error_number, std::string_view what);

enum class MakeDirectories { No, Yes };

struct FileFacts {
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256;
};

class RootDirectory {
 public:
  // Checks the marker: a file `.framemill-root` that holds `name = "<name>"`, and `id = "<32 hexadecimal digits>"` once a
  // worker that may write there has seen it. `all`: where links may lead; nothing: this root alone.
  static base::Result<std::shared_ptr<const RootDirectory>> open(const std::string& name,
                                                                 const std::filesystem::path& path,
                                                                 std::shared_ptr<const base::RootPaths> all = nullptr);
  // Writes an id into a marker that has none, once for all hosts; the id that the marker holds afterwards.
  base::Result<std::string> give_id() const;

  const std::string& name() const { return name_; }
  const std::filesystem::path& path() const { return path_; }
  const std::string& id() const { return id_; }  // of the tree, whatever host it is mounted on; empty: none yet
  // Of the file system; 0 if it cannot be told.
  std::uint64_t free_bytes() const;
  bool writable() const;

  // The directory at `relative` (empty: the root itself). With MakeDirectories::Yes missing ones are made and their
  // parents synced.
  base::Result<UniqueFd> open_directory(std::string_view relative, MakeDirectories make) const;
  // A regular file, for reading; below .framemill its last component may not be a link either.
  base::Result<UniqueFd> open_file(std::string_view relative) const;
  // The regular file that a link below .framemill leads to, inside one of the roots. Errors: path.link when it leads out.
  base::Result<UniqueFd> open_link(std::string_view relative) const;
  // Size and SHA-256 of a regular file.
  base::Result<FileFacts> digest(std::string_view relative) const;
  // Removes a file or a tree; what is not there is removed. Links inside are removed, never followed.
  base::Status remove_tree(std::string_view relative) const;

 private:
  RootDirectory(std::string name, std::filesystem::path path, std::string id, UniqueFd fd,
                std::shared_ptr<const base::RootPaths> all)
      : name_(std::move(name)), path_(std::move(path)), id_(std::move(id)), fd_(std::move(fd)), all_(std::move(all)) {}
  base::Result<UniqueFd> follow(std::string_view relative, int flags) const;
  std::string name_;
  std::filesystem::path path_;
  std::string id_;
  UniqueFd fd_;
  std::shared_ptr<const base::RootPaths> all_;
};

// All of `from` to `to`, which is synced. `name`: for messages.
base::Status copy_contents(int from, int to, std::string_view name);

// Size and SHA-256 of what an open descriptor reads, from its start.
base::Result<FileFacts> digest_descriptor(int fd, std::string_view name);

}  // namespace framemill::worker
