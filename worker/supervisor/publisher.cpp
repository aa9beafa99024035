#include "worker/supervisor/publisher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <map>

#include "base/os_error.h"
#include "base/path_error.h"
#include "base/sha256.h"
#include "jobs/publish_error.h"
#include "wire/convert.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

constexpr const char* kOtherName = "submit a new version whose outputs have other names";
constexpr const char* kFindOutWho = "the task is made again; find out who removes files below .framemill";

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
  if (!components.ok()) return base::error_of(jobs::PublishError::Path, components.error().message, "", kOtherName);
  // What the farm keeps for itself lies under .framemill; frames must not land among it, latents nowhere else in it.
  if (components->front() == ".framemill" && (components->size() < 3 || (*components)[1] != "latents"))
    return base::error_of(jobs::PublishError::Path, fmt::format("{} is reserved for the farm", path), "", kOtherName);
  if (path == kRootMarker)
    return base::error_of(jobs::PublishError::Path, "the root's marker is not an output", "", kOtherName);
  return Place{fmt::format("{}", fmt::join(components->begin(), components->end() - 1, "/")), components->back()};
}

bool matches(const FileFacts& facts, const wire::OutputFile& file) {
  return facts.size_bytes == file.size_bytes() && facts.sha256 == to_sha256(file.sha256());
}

// What stands under the final name already: is it this very file?
base::Status check_existing(const RootDirectory& root, const wire::OutputFile& file) {
  const auto facts = root.digest(file.path());
  if (facts.ok() && matches(*facts, file)) return {};
  if (!facts.ok() && (base::is_of_system(facts.error()) || is(facts, base::PathError::Denied))) return facts.error();
  return base::error_of(jobs::PublishError::ExistsOther, fmt::format("{} exists with other contents", file.path()), "",
                        "move the file away, or submit a new version");
}

base::Status move_without_link(int staged_parent, const std::string& staged, int parent, const Place& place,
                               const wire::OutputFile& file, const RootDirectory& root) {
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
  if (::syscall(SYS_renameat2, staged_parent, staged.c_str(), parent, place.name.c_str(), kNoReplace) == 0) return {};
  if (errno == EEXIST) return check_existing(root, file);
  if (errno != EINVAL && errno != ENOSYS) return storage_error(errno, "rename to " + file.path());
  // Neither link nor no-replace rename: an existence check under the publish order's lease.
  struct stat facts{};
  if (::fstatat(parent, place.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) return check_existing(root, file);
  if (::renameat(staged_parent, staged.c_str(), parent, place.name.c_str()) != 0)
    return storage_error(errno, "rename to " + file.path());
  return {};
}

// The name, in the directory of the final one, of a whole copy of the staged file.
base::Result<std::string> copy_beside(int source, int parent, const wire::OutputFile& file,
                                      const std::string& attempt) {
  std::string copy =
      fmt::format(".framemill-{}-{}", attempt, base::to_hex(to_sha256(file.sha256()).bytes).substr(0, 16));
  ::unlinkat(parent, copy.c_str(), 0);  // of a run that was cut short
  const UniqueFd target(::openat(parent, copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!target) return storage_error(errno, "make a copy of " + file.path());
  if (const base::Status copied = copy_contents(source, target.get(), file.path()); !copied.ok()) {
    ::unlinkat(parent, copy.c_str(), 0);
    return copied.error();
  }
  struct stat facts{};
  if (::fstat(source, &facts) == 0)
    (void)!::fchown(target.get(), static_cast<uid_t>(-1), facts.st_gid);  // its group, where that is allowed
  return copy;
}

// A directory that is a link into another root may lie on another file system: a copy beside the final name takes the
// staged file's part.
base::Status copy_across(int staged_parent, const std::string& staged, int parent, const Place& place,
                         const wire::OutputFile& file, const RootDirectory& root, const std::string& attempt) {
  const UniqueFd source(::openat(staged_parent, staged.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!source) return storage_error(errno, "open the staged file of " + file.path());
  FM_ASSIGN(const std::string copy, copy_beside(source.get(), parent, file, attempt));
  base::Status status;
  if (::linkat(parent, copy.c_str(), parent, place.name.c_str(), 0) != 0) {
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

// Over what stands there, whatever it is, but a directory.
base::Status rename_over(int staged_parent, const std::string& staged, int parent, const Place& place,
                         const wire::OutputFile& file, const std::string& attempt) {
  if (::renameat(staged_parent, staged.c_str(), parent, place.name.c_str()) == 0) return {};
  if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST)
    return base::error_of(jobs::PublishError::ExistsOther, file.path() + " is a directory now", "",
                          "move it away, then retry the job");
  if (errno != EXDEV) return storage_error(errno, "rename to " + file.path());
  const UniqueFd source(::openat(staged_parent, staged.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!source) return storage_error(errno, "open the staged file of " + file.path());
  FM_ASSIGN(const std::string copy, copy_beside(source.get(), parent, file, attempt));
  if (::renameat(parent, copy.c_str(), parent, place.name.c_str()) == 0) return {};
  const base::Error failed = storage_error(errno, "rename to " + file.path());
  ::unlinkat(parent, copy.c_str(), 0);
  return failed;
}

const wire::OutputFile* recorded(const wire::PublishOrder& order, const wire::OutputFile& file) {
  for (const wire::OutputFile& before : order.remake().before())
    if (before.path() == file.path()) return &before;
  return nullptr;
}

// What is there as it was committed needs no other contents where the layer promises that only these can be right. An
// empty file is no picture, whatever was on record.
base::Status check_not_intact(const RootDirectory& root, const wire::PublishOrder& order) {
  if (!order.remake().keep_intact()) return {};
  for (const wire::OutputFile& file : order.files()) {
    const wire::OutputFile* before = recorded(order, file);
    const auto facts = root.digest(file.path());
    if (before == nullptr || before->size_bytes() == 0 || !facts.ok()) return {};
    // Neither damaged, nor put there by this very order before a crash.
    if (!matches(*facts, *before)) return {};
  }
  return base::error_of(jobs::PublishError::Intact,
                        fmt::format("{} is whole, as it was committed, and its layer is reproducible exactly: other "
                                    "contents would be wrong; where it must go all the same, move it away and retry",
                                    order.files_size() > 0 ? order.files(0).path() : "what is published"),
                        "", "find out what has changed on the workers, or submit a new version");
}

struct StagedPlace {
  int parent;
  std::string name, attempt;
};
base::Status take_place(const RootDirectory& root, const StagedPlace& staged, const wire::OutputFile& file, int parent,
                        const Place& place) {
  // Published by an order before this one: a rename would change nothing but the file's number.
  const auto facts = root.digest(file.path());
  if (facts.ok() && matches(*facts, file)) return {};
  return rename_over(staged.parent, staged.name, parent, place, file, staged.attempt);
}

base::Status publish_file(const RootDirectory& root, const std::string& staging, const wire::OutputFile& file,
                          int parent, const Place& place, const PublishSettings& settings, bool replaces) {
  FM_ASSIGN(const std::vector<std::string> staged, split_path(file.staged()));
  const std::string staged_parent_path =
      staged.size() == 1 ? staging : fmt::format("{}/{}", staging, fmt::join(staged.begin(), staged.end() - 1, "/"));
  const auto staged_parent = root.open_directory(staged_parent_path, MakeDirectories::No);
  // Storage that fails says nothing about the file: only what is not there is missing.
  if (!staged_parent.ok() && !is(staged_parent, base::PathError::Missing)) return staged_parent.error();
  struct stat facts{};
  const bool there =
      staged_parent.ok() && ::fstatat(staged_parent->get(), staged.back().c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there && staged_parent.ok() && errno != ENOENT) return storage_error(errno, "look at " + file.staged());
  if (!there) {
    // Published before, and swept; or lost.
    if (replaces) {
      const auto facts_there = root.digest(file.path());
      if (facts_there.ok() && matches(*facts_there, file)) return {};
    } else if (root.open_file(file.path()).ok()) {
      return check_existing(root, file);
    }
    return base::error_of(jobs::PublishError::Missing, fmt::format("the staged file of {} is gone", file.path()), "",
                          kFindOutWho);
  }
  struct stat final_facts{};
  const bool taken = ::fstatat(parent, place.name.c_str(), &final_facts, AT_SYMLINK_NOFOLLOW) == 0;
  if (taken && final_facts.st_ino == facts.st_ino && final_facts.st_dev == facts.st_dev) return {};
  if (taken && !replaces) return check_existing(root, file);
  if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) != file.size_bytes())
    return base::error_of(jobs::PublishError::Missing,
                          fmt::format("the staged file of {} is not the committed one", file.path()), "", kFindOutWho);
  if (settings.group && ::fchownat(staged_parent->get(), staged.back().c_str(), static_cast<uid_t>(-1), *settings.group,
                                   AT_SYMLINK_NOFOLLOW) != 0)
    return storage_error(errno, "set the group of " + file.path());
  const std::string attempt = staging.substr(staging.rfind('/') + 1);
  if (taken) return take_place(root, {staged_parent->get(), staged.back(), attempt}, file, parent, place);
  if (::linkat(staged_parent->get(), staged.back().c_str(), parent, place.name.c_str(), 0) == 0) return {};
  if (errno == EEXIST) return check_existing(root, file);
  if (errno == EXDEV) return copy_across(staged_parent->get(), staged.back(), parent, place, file, root, attempt);
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
    return move_without_link(staged_parent->get(), staged.back(), parent, place, file, root);
  return storage_error(errno, "link " + file.path());
}

}  // namespace

base::Status publish(const RootDirectory& root, const wire::PublishOrder& order, const PublishSettings& settings) {
  const jobs::AttemptId attempt = wire::attempt_from_wire(order.attempt());
  const std::string staging = staging_path(attempt);
  std::map<std::string, UniqueFd> parents;
  if (order.has_remake()) FM_TRY(check_not_intact(root, order));
  for (const wire::OutputFile& file : order.files()) {
    FM_ASSIGN(const Place place, place_of(file.path()));
    auto parent = parents.find(place.parent);
    if (parent == parents.end()) {
      auto opened = root.open_directory(place.parent, MakeDirectories::Yes);
      if (!opened.ok()) {
        if (is(opened, base::PathError::Link))
          return base::error_of(jobs::PublishError::Path, opened.error().message, "",
                                "replace the link by a directory, then retry the job");
        return opened.error();
      }
      if (settings.group && ::fchown(opened->get(), static_cast<uid_t>(-1), *settings.group) != 0 && errno != EPERM)
        return storage_error(errno, "set the group of " + place.parent);
      parent = parents.emplace(place.parent, std::move(*opened)).first;
    }
    FM_TRY(publish_file(root, staging, file, parent->second.get(), place, settings, order.has_remake()));
  }
  for (const auto& [path, fd] : parents)
    if (::fsync(fd.get()) != 0) return storage_error(errno, "sync directory " + path);
  // Nobody has to deliver these tasks any more, and from here on their names keep no directory: latents go with their
  // job, perhaps before the staging directory does. Where a note cannot be removed, it only stays longer.
  const std::uint32_t first = order.tasks().first();
  for (std::uint32_t i = 0; i < order.tasks().count(); ++i)
    if (!drop_done(root, attempt, first + i).ok()) break;
  return {};
}

}  // namespace framemill::worker
