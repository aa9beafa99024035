#include "worker/supervisor/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/digest_bytes.h"
#include "base/log.h"
#include "base/os_error.h"
#include "base/path_error.h"
#include "jobs/attempt_error.h"
#include "wire/convert.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/small_files.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kDoneFilesMax = 65'536;
constexpr std::size_t kPreviewedJobsMax = 1'000'000;

std::vector<wire::FinishedTask> read_done_files(int directory, const jobs::AttemptId& attempt) {
  std::vector<wire::FinishedTask> tasks;
  const auto names = list(directory, kDoneFilesMax);
  if (!names.ok()) return tasks;
  for (const std::string& name : *names) {
    if (!name.ends_with(".done")) continue;
    const auto bytes = read_at(directory, name);
    wire::FinishedTask task;
    const bool readable =
        bytes.ok() && task.ParseFromString(*bytes) && wire::attempt_from_wire(task.attempt()) == attempt;
    if (readable)
      tasks.push_back(std::move(task));
    else
      base::log_warning("staging", "{}/{} is not a finished task of that attempt; passed over", attempt.text(), name);
  }
  return tasks;
}

bool owned_by(int directory, std::string_view owner) {
  const auto text = read_at(directory, "owner");
  return text.ok() && *text == owner;
}

// Whether a staged file still needs its final name: what stands under that name tells, and never a count of links, of
// which a program may have made any number. A staged file that is gone was moved there (roots without hard links).
bool waits_for_publish(const RootDirectory& root, const std::string& directory, const wire::OutputFile& file) {
  const auto staged = root.open_file(directory + "/" + file.staged());
  if (!staged.ok()) return false;
  const auto final = root.open_file(file.path());
  struct stat mine{}, theirs{};
  if (!final.ok() || ::fstat(staged->get(), &mine) != 0 || ::fstat(final->get(), &theirs) != 0) return true;
  if (mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev) return false;
  // Another worker may have published an equal file.
  if (static_cast<std::uint64_t>(theirs.st_size) != file.size_bytes()) return true;
  const auto facts = digest_descriptor(final->get(), file.path());
  return !facts.ok() || base::raw_bytes(facts->sha256) != file.sha256();
}

base::Result<Tree> tree_of(const RootDirectory& root, const std::string& path, MakeDirectories make) {
  FM_ASSIGN(const UniqueFd directory, root.open_directory(path, make));
  struct stat facts{};
  if (::fstat(directory.get(), &facts) != 0) return storage_error(errno, "look at " + path);
  return Tree{(root.path() / path).string(), facts.st_dev, facts.st_ino};
}

}  // namespace

base::Result<Tree> attempts_tree(const RootDirectory& root, MakeDirectories make) {
  return tree_of(root, std::string(kAttemptsPath), make);
}

base::Result<Tree> previews_tree(const RootDirectory& root, MakeDirectories make) {
  return tree_of(root, std::string(kPreviewsPath), make);
}

base::Result<Tree> staging_tree(const RootDirectory& root, const jobs::AttemptId& attempt) {
  return tree_of(root, staging_path(attempt), MakeDirectories::No);
}

jobs::AttemptId attempt_of(const wire::Grant& grant) {
  return wire::attempt_from_wire(grant.attempt());
}

std::string staging_path(const jobs::AttemptId& attempt) {
  return fmt::format("{}/{}", kAttemptsPath, attempt.text());
}

base::Error as_storage_failure(base::Error error) {
  if (!base::path_error_from_code(error.code)) return error;
  error.message = fmt::format("the staging area: {}", error.message);
  error.code = text_of(base::SystemError::StorageFailed);
  return error;
}

base::Status prepare_staging(const RootDirectory& root, const jobs::AttemptId& attempt, const wire::Grant& grant,
                             std::string_view owner) {
  FM_ASSIGN(const UniqueFd attempts, root.open_directory(kAttemptsPath, MakeDirectories::Yes));
  const std::string name = attempt.text();
  if (::mkdirat(attempts.get(), name.c_str(), 0777) != 0) return storage_error(errno, "make staging directory " + name);
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staging_path(attempt), MakeDirectories::No));
  FM_TRY(write_at(directory.get(), "owner", owner, Durable::No));
  FM_TRY(write_at(directory.get(), "attempt.bin", grant.SerializeAsString(), Durable::No));
  // The name must be there after a power cut if a task of it was committed; its contents are synced with each task.
  if (::fsync(attempts.get()) != 0) return storage_error(errno, "sync the staging area");
  return {};
}

base::Status check_output_directory(const RootDirectory& root, const wire::Grant& grant) {
  const std::string& pattern = grant.recipe().output_printf();
  const std::size_t slash = pattern.substr(0, pattern.find('%')).rfind('/');
  if (slash == std::string::npos || slash == 0) return {};
  const auto directory = root.open_directory(pattern.substr(0, slash), MakeDirectories::No);
  if (!is(directory, base::PathError::Link)) return {};  // it is made when the files are published
  return base::error_of(jobs::AttemptError::OutputLink,
                        fmt::format("root {}: {}", root.name(), directory.error().message), "", directory.error().hint);
}

base::Status write_done(const RootDirectory& root, const jobs::AttemptId& attempt, const wire::FinishedTask& task) {
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staging_path(attempt), MakeDirectories::No));
  return write_at(directory.get(), fmt::format("{}.done", task.task()), task.SerializeAsString(), Durable::Yes);
}

base::Status drop_done(const RootDirectory& root, const jobs::AttemptId& attempt, jobs::TaskIndex task) {
  const auto directory = root.open_directory(staging_path(attempt), MakeDirectories::No);
  if (!directory.ok()) return is(directory, base::PathError::Missing) ? base::Status{} : directory.error();
  const std::string name = fmt::format("{}.done", task);
  if (::unlinkat(directory->get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return storage_error(errno, "remove " + name);
  return {};
}

base::Status sweep_staging(const RootDirectory& root, const jobs::AttemptId& attempt) {
  return root.remove_tree(staging_path(attempt));
}

base::Result<bool> is_published(const RootDirectory& root, const jobs::AttemptId& attempt, std::string_view owner) {
  const std::string path = staging_path(attempt);
  const auto directory = root.open_directory(path, MakeDirectories::No);
  if (!directory.ok()) {
    if (is(directory, base::PathError::Missing)) return true;
    return directory.error();
  }
  if (!owned_by(directory->get(), owner)) return false;
  for (const wire::FinishedTask& task : read_done_files(directory->get(), attempt))
    for (const wire::OutputFile& file : task.files())
      if (waits_for_publish(root, path, file)) return false;
  return true;
}

base::Result<bool> sweep_if_published(const RootDirectory& root, const jobs::AttemptId& attempt,
                                      std::string_view owner) {
  FM_ASSIGN(const bool published, is_published(root, attempt, owner));
  if (published) FM_TRY(root.remove_tree(staging_path(attempt)));
  return published;
}

base::Result<std::vector<FoundAttempt>> find_left_attempts(const RootDirectory& root, std::string_view owner,
                                                           std::size_t attempts_max) {
  const auto attempts = root.open_directory(kAttemptsPath, MakeDirectories::No);
  if (!attempts.ok()) {
    if (is(attempts, base::PathError::Missing)) return std::vector<FoundAttempt>{};
    return attempts.error();
  }
  FM_ASSIGN(const std::vector<std::string> names, list(attempts->get(), attempts_max));
  std::vector<FoundAttempt> found;
  for (const std::string& name : names) {
    const auto attempt = jobs::AttemptId::parse(name);
    if (!attempt) continue;
    const auto directory = root.open_directory(staging_path(*attempt), MakeDirectories::No);
    if (!directory.ok() || !owned_by(directory->get(), owner)) continue;
    found.push_back({*attempt, read_done_files(directory->get(), *attempt)});
  }
  return found;
}

base::Status discard_job(const RootDirectory& root, std::uint32_t job, std::string_view owner) {
  FM_TRY(root.remove_tree(fmt::format("{}/{}", kLatentsPath, job)));
  FM_TRY(root.remove_tree(fmt::format("{}/{}", kManifestsPath, job)));
  const auto attempts = root.open_directory(kAttemptsPath, MakeDirectories::No);
  if (!attempts.ok()) return {};
  FM_ASSIGN(const std::vector<std::string> names, list(attempts->get(), kDoneFilesMax));
  for (const std::string& name : names) {
    const auto attempt = jobs::AttemptId::parse(name);
    if (!attempt) continue;
    const auto directory = root.open_directory(staging_path(*attempt), MakeDirectories::No);
    if (!directory.ok() || !owned_by(directory->get(), owner)) continue;
    const auto bytes = read_at(directory->get(), "attempt.bin");
    wire::Grant grant;
    if (bytes.ok() && grant.ParseFromString(*bytes) && grant.tasks().job() == job)
      FM_TRY(sweep_staging(root, *attempt));
  }
  return {};
}

base::Result<std::size_t> remove_old_previews(const RootDirectory& root, base::WallTime since) {
  const auto previews = root.open_directory(kPreviewsPath, MakeDirectories::No);
  if (!previews.ok()) return std::size_t{0};
  FM_ASSIGN(const std::vector<std::string> names, list(previews->get(), kPreviewedJobsMax));
  std::size_t removed = 0;
  for (const std::string& name : names) {
    struct stat facts{};
    if (::fstatat(previews->get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // Each preview that is added changes the directory's time.
    if (std::int64_t{facts.st_mtim.tv_sec} * 1000 >= since.unix_ms) continue;
    FM_TRY(root.remove_tree(fmt::format("{}/{}", kPreviewsPath, name)));
    ++removed;
  }
  return removed;
}

}  // namespace framemill::worker
