#include "worker/supervisor/publisher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <map>

#include "base/os_error.h"
#include "base/sha256.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

base::Sha256 to_sha256(const std::string& bytes) {
  base::Sha256 sha;
  if (bytes.size() == sha.bytes.size()) std::copy(bytes.begin(), bytes.end(), sha.bytes.begin());
  return sha;
}

struct Place {
  std::string parent;
  std::string name;
};

base::Result<Place> place_of(const std::string& path) {
  const auto components = split_path(path);
  if (!components.ok()) return base::Error{"publish.path", components.error().message, "", ""};
  // What the farm keeps for itself lies under .framemill; frames must not land among it, latents nowhere else in it.
  if (components->front() == ".framemill" && (components->size() < 3 || (*components)[1] != "latents"))
    return base::Error{"publish.path", fmt::format("{} is kept for the farm itself", path), "", ""};
  if (path == kRootMarker) return base::Error{"publish.path", "the root's marker is not an output", "", ""};
  return Place{fmt::format("{}", fmt::join(components->begin(), components->end() - 1, "/")), components->back()};
}

bool matches(const FileFacts& facts, const wire::OutputFile& file) {
  return facts.size_bytes == file.size_bytes() && facts.sha256 == to_sha256(file.sha256());
}

// What stands under the final name already: is it this very file?
base::Status check_existing(const RootDirectory& root, const wire::OutputFile& file) {
  const auto facts = root.digest(file.path());
  if (facts.ok() && matches(*facts, file)) return {};
  if (!facts.ok() && (base::is_storage_code(facts.error().code) || base::is_host_code(facts.error().code) ||
                      facts.error().code == "path.denied"))
    return facts.error();
  return base::Error{"publish.exists_other", fmt::format("{} exists with other contents", file.path()), "",
                     "move the file away, or submit a new version"};
}

base::Status move_without_link(int staged_parent, const std::string& staged, int parent, const Place& place,
                               const wire::OutputFile& file, const RootDirectory& root) {
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
  if (::syscall(SYS_renameat2, staged_parent, staged.c_str(), parent, place.name.c_str(), kNoReplace) == 0) return {};
  if (errno == EEXIST) return check_existing(root, file);
  if (errno != EINVAL && errno != ENOSYS) return storage_error(errno, "rename to " + file.path());
  // Neither link nor no-replace rename: an existence check under the publish order's lease.
  struct stat facts {};
  if (::fstatat(parent, place.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) return check_existing(root, file);
  if (::renameat(staged_parent, staged.c_str(), parent, place.name.c_str()) != 0)
    return storage_error(errno, "rename to " + file.path());
  return {};
}

// A directory that is a link into another root may lie on another file system: a copy beside the final name takes the
// staged file's part.
base::Status copy_across(int staged_parent, const std::string& staged, int parent, const Place& place,
                         const wire::OutputFile& file, const RootDirectory& root, const std::string& attempt) {
  const UniqueFd source(::openat(staged_parent, staged.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!source) return storage_error(errno, "open the staged file of " + file.path());
  const std::string copy = fmt::format(".framemill-{}-{}", attempt, base::to_hex(to_sha256(file.sha256()).bytes).substr(0, 16));
  ::unlinkat(parent, copy.c_str(), 0);  // of a run that was cut short
  const UniqueFd target(::openat(parent, copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!target) return storage_error(errno, "make a copy of " + file.path());
  base::Status status = copy_contents(source.get(), target.get(), file.path());
  struct stat facts {};
  if (status.ok() && ::fstat(source.get(), &facts) == 0)
    (void)!::fchown(target.get(), static_cast<uid_t>(-1), facts.st_gid);  // its group, where that is allowed
  if (status.ok() && ::linkat(parent, copy.c_str(), parent, place.name.c_str(), 0) != 0) {
    if (errno == EEXIST)
      status = check_existing(root, file);
    else if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
      status = move_without_link(parent, copy, parent, place, file, root);
    else
      status = storage_error(errno, "link " + file.path());
  }
  ::unlinkat(parent, copy.c_str(), 0);
  return status;
}

base::Status publish_file(const RootDirectory& root, const std::string& staging, const wire::OutputFile& file,
                          int parent, const Place& place, const PublishSettings& settings) {
  FM_ASSIGN(const std::vector<std::string> staged, split_path(file.staged()));
  const std::string staged_parent_path =
      staged.size() == 1 ? staging : fmt::format("{}/{}", staging, fmt::join(staged.begin(), staged.end() - 1, "/"));
  const auto staged_parent = root.open_directory(staged_parent_path, MakeDirectories::No);
  // Storage that fails says nothing about the file: only what is not there is missing.
  if (!staged_parent.ok() && staged_parent.error().code != "path.missing") return staged_parent.error();
  struct stat facts {};
  const bool there =
      staged_parent.ok() && ::fstatat(staged_parent->get(), staged.back().c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there && staged_parent.ok() && errno != ENOENT) return storage_error(errno, "look at " + file.staged());
  if (!there) {
    // Published before, and swept; or lost.
    if (root.open_file(file.path()).ok()) return check_existing(root, file);
    return base::Error{"publish.missing", fmt::format("the staged file of {} is gone", file.path()), "", ""};
  }
  struct stat final_facts {};
  if (::fstatat(parent, place.name.c_str(), &final_facts, AT_SYMLINK_NOFOLLOW) == 0) {
    if (final_facts.st_ino == facts.st_ino && final_facts.st_dev == facts.st_dev) return {};
    return check_existing(root, file);
  }
  if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) != file.size_bytes())
    return base::Error{"publish.missing", fmt::format("the staged file of {} is not the committed one", file.path()),
                       "", ""};
  if (settings.group && ::fchownat(staged_parent->get(), staged.back().c_str(), static_cast<uid_t>(-1), *settings.group,
                                   AT_SYMLINK_NOFOLLOW) != 0)
    return storage_error(errno, "set the group of " + file.path());
  if (::linkat(staged_parent->get(), staged.back().c_str(), parent, place.name.c_str(), 0) == 0) return {};
  if (errno == EEXIST) return check_existing(root, file);
  if (errno == EXDEV)
    return copy_across(staged_parent->get(), staged.back(), parent, place, file, root,
                       staging.substr(staging.rfind('/') + 1));
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
    return move_without_link(staged_parent->get(), staged.back(), parent, place, file, root);
  return storage_error(errno, "link " + file.path());
}

}  // namespace

base::Status publish(const RootDirectory& root, const wire::PublishOrder& order, const PublishSettings& settings) {
  const jobs::AttemptId attempt{{order.attempt().epoch(), order.attempt().epoch_nonce()}, order.attempt().counter()};
  const std::string staging = staging_path(attempt);
  std::map<std::string, UniqueFd> parents;
  for (const wire::OutputFile& file : order.files()) {
    FM_ASSIGN(const Place place, place_of(file.path()));
    auto parent = parents.find(place.parent);
    if (parent == parents.end()) {
      auto opened = root.open_directory(place.parent, MakeDirectories::Yes);
      if (!opened.ok()) {
        if (opened.error().code == "path.link") return base::Error{"publish.path", opened.error().message, "", ""};
        return opened.error();
      }
      if (settings.group && ::fchown(opened->get(), static_cast<uid_t>(-1), *settings.group) != 0 && errno != EPERM)
        return storage_error(errno, "set the group of " + place.parent);
      parent = parents.emplace(place.parent, std::move(*opened)).first;
    }
    FM_TRY(publish_file(root, staging, file, parent->second.get(), place, settings));
  }
  for (const auto& [path, fd] : parents)
    if (::fsync(fd.get()) != 0) return storage_error(errno, "sync directory " + path);
  return {};
}

}  // namespace framemill::worker
