#include "worker/supervisor/child_work.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "base/digest_bytes.h"
#include "base/os_error.h"
#include "base/path_error.h"
#include "jobs/attempt_error.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"
#include "wire/recipe_kind.h"
#include "worker/supervisor/shared_staging.h"
#include "worker/supervisor/small_files.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

base::Result<wire::InputFile> check_input(const RootTable& roots, const wire::InputFile& promised) {
  const auto not_visible = [&](const std::string& why) {
    return base::error_of(jobs::AttemptError::InputNotVisible,
                          fmt::format("{}:{}: {}", promised.root(), promised.path(), why));
  };
  const auto root = roots.find(promised.root());
  if (root == roots.end()) return not_visible("this host does not see the root");
  const auto facts = root->second->digest(promised.path());
  if (!facts.ok()) {
    const auto error = base::path_error_from_code(facts.error().code);
    if (error == base::PathError::Missing) return not_visible("it is not there");
    if (!error || error == base::PathError::Bad) return base::in_root(facts.error(), promised.root());
    return base::error_of(
        error == base::PathError::Link ? jobs::AttemptError::InputLink : jobs::AttemptError::InputUnreadable,
        fmt::format("{}: {}", promised.root(), facts.error().message));
  }
  if (promised.size_bytes() != 0 && promised.size_bytes() != facts->size_bytes)
    return not_visible(fmt::format("it has {} bytes, not {}", facts->size_bytes, promised.size_bytes()));
  if (!promised.sha256().empty() && promised.sha256() != base::raw_bytes(facts->sha256))
    return not_visible("its SHA-256 is not the committed one");
  wire::InputFile seen = promised;
  seen.set_size_bytes(facts->size_bytes);
  seen.set_sha256(base::raw_bytes(facts->sha256));
  return seen;
}

wire::OutputFile::Kind kind_of(const wire::Grant& grant, const ExpectedFile& file) {
  const jobs::OutputKind kind = wire::traits(grant.recipe()).output;
  const bool one_of_all = kind == jobs::OutputKind::FrameFile && !file.has_frame;
  return wire::output_kind(one_of_all ? jobs::OutputKind::Other : kind);
}

// A program may leave a link in place of its output, to a file that it keeps elsewhere inside the roots: the bytes take
// the link's place, so that what is published does not change when that file does.
base::Status replace_link(const RootDirectory& root, const std::string& staged) {
  FM_ASSIGN(const UniqueFd source, root.open_link(staged));
  const std::size_t slash = staged.rfind('/');
  const std::string name = staged.substr(slash + 1), temporary = ".framemill-copy";
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staged.substr(0, slash), MakeDirectories::No));
  ::unlinkat(directory.get(), temporary.c_str(), 0);
  const UniqueFd copy(
      ::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!copy) return storage_error(errno, "copy what the output leads to");
  FM_TRY(copy_contents(source.get(), copy.get(), staged));
  if (::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0)
    return storage_error(errno, "put the copy in place of the link " + staged);
  return {};
}

base::Result<wire::OutputFile> collect_file(const RootDirectory& root, const wire::Grant& grant,
                                            const ExpectedFile& expected) {
  const std::string staged = staging_path(attempt_of(grant)) + "/" + expected.staged;
  auto file = root.open_file(staged);
  if (is(file, base::PathError::Link)) {
    const auto replaced = replace_link(root, staged);
    if (is(replaced, base::PathError::Link))
      return base::error_of(jobs::AttemptError::OutputLink, replaced.error().message, "",
                            "write a file, or a link inside the roots");
    file = replaced.ok() ? root.open_file(staged) : base::Result<UniqueFd>(replaced.error());
  }
  if (!file.ok()) {
    if (base::is_of_system(file.error())) return file.error();
    return base::error_of(jobs::AttemptError::OutputMissing,
                          fmt::format("the program left no file {}: {}", expected.staged, file.error().message));
  }
  settle_output_modes(file->get());
  if (::fsync(file->get()) != 0) return storage_error(errno, "sync " + expected.staged);
  FM_ASSIGN(const FileFacts facts, digest_descriptor(file->get(), expected.staged));
  wire::OutputFile out;
  out.set_kind(kind_of(grant, expected));
  out.set_staged(expected.staged);
  out.set_path(expected.path);
  out.set_size_bytes(facts.size_bytes);
  out.set_sha256(base::raw_bytes(facts.sha256));
  out.set_frame(expected.frame);
  return out;
}

base::Status sync_directories(const RootDirectory& root, const wire::Grant& grant,
                              const std::vector<ExpectedFile>& files) {
  std::string last;
  for (const ExpectedFile& file : files) {
    const std::string directory = file.staged.substr(0, file.staged.rfind('/'));
    if (directory == last) continue;
    last = directory;
    FM_ASSIGN(const UniqueFd fd,
              root.open_directory(staging_path(attempt_of(grant)) + "/" + directory, MakeDirectories::No));
    if (::fsync(fd.get()) != 0) return storage_error(errno, "sync " + directory);
  }
  return {};
}

}  // namespace

bool CheckedInputs::Failed::is_promised() const {
  return !input.sha256().empty();
}

CheckedInputs check_inputs(const RootTable& roots, const wire::Grant& grant, const jobs::TaskRange& tasks) {
  CheckedInputs checked;
  for (const wire::InputFile& input : grant.inputs()) {
    if (!input.for_all_tasks() && !tasks.contains(input.task())) continue;
    auto one = check_input(roots, input);
    if (one.ok()) {
      checked.files.push_back(std::move(*one));
      continue;
    }
    CheckedInputs::Failed failed{one.error(), input};
    if (wire::traits(grant.recipe()).waits_for_end && !failed.is_promised() &&
        is(failed.error, jobs::AttemptError::InputNotVisible))
      continue;
    checked.failed = std::move(failed);
    break;
  }
  return checked;
}

base::Result<Tree> make_work_directories(const RootTable& roots, const wire::Grant& grant, const CommandPlan& plan) {
  const auto root = roots.find(grant.recipe().root());
  if (root == roots.end())
    return base::error_of(jobs::AttemptError::RootMissing, "this host does not see the root of the outputs");
  const std::string staging = staging_path(attempt_of(grant));
  FM_ASSIGN(const UniqueFd out,
            root->second->open_directory(fmt::format("{}/{}", staging, kOutputDirectory), MakeDirectories::Yes));
  FM_ASSIGN(const UniqueFd temporary,
            root->second->open_directory(fmt::format("{}/{}", staging, kTemporaryName), MakeDirectories::Yes));
  FM_ASSIGN(const UniqueFd in,
            root->second->open_directory(fmt::format("{}/{}", staging, kInputDirectory), MakeDirectories::Yes));
  for (const InputLink& link : plan.links) {
    const wire::InputFile& input = grant.inputs(link.input);
    const auto source = roots.find(input.root());
    if (source == roots.end())
      return base::error_of(jobs::AttemptError::InputNotVisible, "this host does not see root " + input.root());
    const std::string target = (source->second->path() / input.path()).string();
    if (::symlinkat(target.c_str(), in.get(), link.name.c_str()) != 0 && errno != EEXIST)
      return storage_error(errno, "link the input " + link.name);
  }
  return staging_tree(*root->second, attempt_of(grant));
}

namespace {

// Errors: storage_full, storage_failed.
base::Status probe_room(int directory) {
  struct statvfs facts{};
  if (::fstatvfs(directory, &facts) != 0) return storage_error(errno, "ask the storage for its room");
  const std::uint64_t free_bytes = std::uint64_t{facts.f_bavail} * facts.f_frsize;
  // Some network file systems do not tell: they say that they have no blocks at all.
  if (facts.f_blocks > 0 && free_bytes < kRoomMin)
    return base::error_of(base::SystemError::StorageFull,
                          fmt::format("the storage has only {} MiB of room", free_bytes >> 20));
  const UniqueFd file(::openat(directory, "storage-room", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return storage_error(errno, "create storage-room");
  const int refused = ::fallocate(file.get(), 0, 0, static_cast<off_t>(kRoomMin)) == 0 ? 0 : errno;
  ::unlinkat(directory, "storage-room", 0);
  const bool known = refused == ENOSPC || refused == EDQUOT || refused == EIO;  // others: it cannot do that, or not now
  return known ? base::Status(storage_error(refused, "find room for 64 MiB")) : base::Status{};
}

}  // namespace

base::Status probe_storage(const RootDirectory& root, const wire::Grant& grant) {
  const auto directory = root.open_directory(staging_path(attempt_of(grant)), MakeDirectories::No);
  if (!directory.ok()) return as_storage_failure(directory.error());
  FM_TRY(probe_room(directory->get()));
  const std::string contents(1 << 20, 'p');
  const base::Status written = write_at(directory->get(), "storage-probe", contents, Durable::Yes);
  for (const char* name : {"storage-probe", "storage-probe.part"}) ::unlinkat(directory->get(), name, 0);
  return written;
}

void take_over_outputs(const RootDirectory& root, const wire::Grant& grant, const std::vector<ExpectedFile>& expected) {
  // What is not there, or is none of a file, is collect_outputs' to say.
  for (const ExpectedFile& file : expected)
    (void)take_over_file(root, staging_path(attempt_of(grant)) + "/" + file.staged).ok();
}

void settle_links(const RootDirectory& root, const wire::Grant& grant, const std::vector<ExpectedFile>& expected) {
  for (const ExpectedFile& file : expected) {
    const std::string staged = staging_path(attempt_of(grant)) + "/" + file.staged;
    const auto opened = root.open_file(staged);
    if (is(opened, base::PathError::Link)) (void)replace_link(root, staged).ok();
  }
}

Collected collect_outputs(const RootDirectory& root, const wire::Grant& grant,
                          const std::vector<ExpectedFile>& expected, const std::vector<wire::InputFile>& read,
                          std::uint64_t duration_us, const CheckAnswer& answer) {
  Collected collected;
  std::map<jobs::TaskIndex, wire::FinishedTask> tasks;
  std::set<jobs::TaskIndex> spoilt;
  const auto failed = [&](base::Error error) {  // not by the files: by the storage
    collected.finished.clear();
    collected.errors = {{std::move(error)}};
    return collected;
  };
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const ExpectedFile& file = expected[i];
    if (spoilt.contains(file.task)) continue;
    const auto verdict = answer.files.find(i);
    const bool has_verdict = verdict != answer.files.end();
    if (answer.only_these && (!has_verdict || verdict->second.error)) {
      spoilt.insert(file.task);
      continue;
    }
    auto output = collect_file(root, grant, file);
    if (!output.ok() && base::is_of_system(output.error())) return failed(output.error());
    const bool bad = output.ok() && has_verdict && verdict->second.error;
    if (bad && base::is_of_system(*verdict->second.error)) return failed(*verdict->second.error);
    if (!output.ok() || bad) {
      collected.errors.push_back(
          {bad ? *verdict->second.error : output.error(), file.has_frame, file.frame, true, file.task});
      spoilt.insert(file.task);
      continue;
    }
    if (has_verdict) output->set_samples_sha256(verdict->second.samples_sha256);
    *tasks[file.task].add_files() = std::move(*output);
  }
  for (const jobs::TaskIndex task : spoilt) tasks.erase(task);
  if (tasks.empty()) return collected;
  if (const auto synced = sync_directories(root, grant, expected); !synced.ok()) return failed(synced.error());
  for (const auto& [frame, message] : answer.odd) {
    wire::OddFrame& odd = *tasks.begin()->second.add_odd();
    odd.set_frame(frame);
    odd.set_message(message);
  }
  for (auto& [index, task] : tasks) {
    *task.mutable_attempt() = grant.attempt();
    task.set_job(grant.tasks().job());
    task.set_phase(grant.tasks().phase());
    task.set_task(index);
    task.set_duration_us(duration_us / tasks.size());
    for (const wire::InputFile& input : read)
      if (input.for_all_tasks() || input.task() == index) *task.add_read() = input;
    if (task.ByteSizeLong() > wire::kFarmItemBytesMax)
      return failed({"report.too_large",
                     fmt::format("what the task read and wrote takes {} bytes in a report; the limit is {}",
                                 task.ByteSizeLong(), wire::kFarmItemBytesMax),
                     "", "use shorter paths or fewer frames in one task"});
    if (const auto done = write_done(root, attempt_of(grant), task); !done.ok()) return failed(done.error());
    collected.finished.push_back(task);
  }
  return collected;
}

std::vector<wire::FinishedTask> collect_good(const RootDirectory& root, const wire::Grant& grant,
                                             const std::vector<ExpectedFile>& expected,
                                             const std::vector<wire::InputFile>& read, std::uint64_t duration_us) {
  std::map<jobs::TaskIndex, std::vector<ExpectedFile>> files;
  std::set<jobs::TaskIndex> bad;
  std::optional<std::pair<std::int64_t, jobs::TaskIndex>> newest;
  for (const ExpectedFile& file : expected) {
    files[file.task].push_back(file);
    const auto fd = root.open_file(staging_path(attempt_of(grant)) + "/" + file.staged);
    struct stat facts{};
    if (!fd.ok() || ::fstat(fd->get(), &facts) != 0 || facts.st_size == 0) {
      bad.insert(file.task);
      continue;
    }
    const std::pair written{std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec, file.task};
    newest = std::max(newest.value_or(written), written);
  }
  std::vector<wire::FinishedTask> good;
  for (const auto& [task, of_task] : files) {
    if (bad.contains(task) || task == newest->second) continue;
    Collected collected = collect_outputs(root, grant, of_task, read, duration_us / files.size(), {});
    for (wire::FinishedTask& finished : collected.finished) good.push_back(std::move(finished));
  }
  return good;
}

}  // namespace framemill::worker
