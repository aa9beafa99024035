#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/os_error.h"
#include "models/import/import.h"
#include "models/package.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = 4 << 20;
// Of free space that a copy leaves: a full disk stops more than an import.
constexpr std::uint64_t kSpareBytes = 64 << 20;

struct OpenFile {
  int number = -1;
  OpenFile(const fs::path& path, int flags) : number(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~OpenFile() {
    if (number >= 0) ::close(number);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
};

constexpr std::string_view kStagingPrefix = ".importing-";

// A directory that is gone again, with all that was put into it, unless that was moved out. It is locked while its import
// lives, so that the next import can tell what one that was killed has left.
class Staging {
 public:
  static base::Result<Staging> make(const fs::path& into) {
    std::error_code ec;
    fs::create_directories(into, ec);
    if (ec) return base::os_error(ec.value(), "file.open", "make the directory " + into.string());
    remove_abandoned(into);
    Staging staging;
    staging.path_ = into / fmt::format("{}{:016x}", kStagingPrefix, base::random_u64());
    fs::create_directory(staging.path_, ec);
    if (ec) return base::os_error(ec.value(), "file.open", "make a directory in " + into.string());
    staging.lock_ = std::make_unique<OpenFile>(staging.path_, O_RDONLY | O_DIRECTORY);
    ::flock(staging.lock_->number,
            LOCK_EX | LOCK_NB);  // where there are no locks nothing is taken for abandoned either
    return staging;
  }
  Staging(Staging&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  Staging() = default;
  static void remove_abandoned(const fs::path& into) {
    std::error_code ec;
    std::vector<fs::path> found;
    for (auto it = fs::directory_iterator(into, ec); !ec && it != fs::directory_iterator(); it.increment(ec))
      if (it->path().filename().string().starts_with(kStagingPrefix)) found.push_back(it->path());
    for (const fs::path& path : found) {
      const OpenFile directory(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (directory.number >= 0 && ::flock(directory.number, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ec);
    }
  }

  fs::path path_;
  std::unique_ptr<OpenFile> lock_;
};

base::Error exists_already(const fs::path& directory) {
  return {"model.exists", directory.string() + " exists already", "--name",
          "give another version, or remove the package with: framemill model remove"};
}

// What the steps of one import share.
class Writer {
 public:
  Writer(const ImportRequest& request, const ImportProgress& progress) : request_(request), progress_(progress) {}

  // Puts the file into the package and gives its digest.
  base::Result<base::Sha256> place(const PlannedFile& file, const fs::path& target) {
    std::error_code ec;
    fs::create_directories(target.parent_path(), ec);
    if (ec) return base::os_error(ec.value(), "file.open", "make a directory in the package");
    if (file.source.empty()) {
      FM_TRY(base::write_file_durably(target, file.contents));
      done_ += file.contents.size();
      return base::sha256(file.contents);
    }
    const bool copies = request_.transfer == Transfer::Copy || file.entry.role != FileRole::Component;
    if (!copies) FM_TRY(link(file.source, target));
    return read(file, copies ? target : fs::path());
  }

 private:
  base::Status link(const fs::path& source, const fs::path& target) const {
    if (request_.transfer == Transfer::SymbolicLink) {
      if (::symlink(source.c_str(), target.c_str()) == 0) return {};
      return base::os_error(errno, "file.open", "link " + source.string());
    }
    if (::link(source.c_str(), target.c_str()) == 0) return {};
    if (errno == EXDEV || errno == EPERM || errno == EACCES || errno == EMLINK || errno == EOPNOTSUPP)
      return base::Error{"model.link",
                         fmt::format("{} cannot have a second name in {}: {}", source.string(), request_.into.string(),
                                     std::strerror(errno)),
                         "", "give --copy to copy the weights, or --link to leave them there and point to them"};
    return base::os_error(errno, "file.open", "link " + source.string());
  }

  // Reads the source once; where `copy` is a path, what was read is written there.
  base::Result<base::Sha256> read(const PlannedFile& file, const fs::path& copy) {
    const OpenFile in(file.source, O_RDONLY);
    if (in.number < 0) return base::os_error(errno, "file.open", "open " + file.source.string());
    const OpenFile out(copy, copy.empty() ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL);
    if (!copy.empty() && out.number < 0) return base::os_error(errno, "file.open", "write " + copy.string());
    base::Sha256Sum sum;
    std::uint64_t size = 0;
    std::vector<char> buffer(kChunkBytes);
    while (true) {
      const ssize_t n = ::read(in.number, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return base::os_error(errno, "file.read", "read " + file.source.string());
      if (n == 0) break;
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
      sum.add(piece);
      size += piece.size();
      if (!copy.empty()) FM_TRY(write_all(out.number, piece, copy));
      if (progress_ && !progress_(done_ + size, file.entry.path))
        return base::Error{std::string(kImportStopped), "the import was stopped; nothing was kept", "", ""};
    }
    if (!copy.empty() && ::fsync(out.number) != 0) return base::os_error(errno, "file.write", "write " + copy.string());
    if (size != file.entry.size_bytes)
      return base::Error{"model.import",
                         fmt::format("{} had {} bytes and now has {}: somebody is writing it", file.source.string(),
                                     file.entry.size_bytes, size),
                         "", "import it when the download is done"};
    done_ += size;
    return sum.finish();
  }

  static base::Status write_all(int descriptor, std::string_view rest, const fs::path& path) {
    while (!rest.empty()) {
      const ssize_t n = ::write(descriptor, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return base::os_error(errno, "file.write", "write " + path.string());
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  const ImportRequest& request_;
  const ImportProgress& progress_;
  std::uint64_t done_ = 0;
};

// Before anything is copied: whether it all fits.
base::Status check_space(const ImportPlan& plan, const ImportRequest& request, const fs::path& directory) {
  if (request.transfer != Transfer::Copy) return {};
  struct statvfs space{};
  if (::statvfs(directory.c_str(), &space) != 0) return {};  // the copy will tell
  const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  if (free >= plan.size_bytes + kSpareBytes) return {};
  return base::Error{
      std::string(base::text_of(base::SystemError::StorageFull)),
      fmt::format("{} has {} bytes free; the copy takes {}", request.into.string(), free, plan.size_bytes), "",
      "leave out --copy, or give --link"};
}

// The names of what was placed: a power cut after the import loses none.
base::Status sync_directories(const ImportPlan& plan, const fs::path& package) {
  std::set<fs::path> directories{package};
  for (const PlannedFile& file : plan.files) directories.insert((package / file.entry.path).parent_path());
  for (const fs::path& directory : directories) FM_TRY(base::sync_directory(directory));
  return {};
}

}  // namespace

base::Result<ImportedPackage> write_import(const ImportPlan& plan, const ImportRequest& request,
                                           const ImportProgress& progress) {
  const fs::path target = request.into / plan.manifest.id();
  std::error_code ec;
  if (fs::symlink_status(target, ec).type() != fs::file_type::not_found) return exists_already(target);
  FM_ASSIGN(const Staging staging, Staging::make(request.into));
  FM_TRY(check_space(plan, request, staging.path()));
  const fs::path package = staging.path() / plan.manifest.id();
  ImportedPackage imported{target, plan.manifest, {}};
  Writer writer(request, progress);
  for (std::size_t i = 0; i < plan.files.size(); ++i) {
    const PackageFile& entry = plan.files[i].entry;
    FM_ASSIGN(imported.manifest.files[i].sha256, writer.place(plan.files[i], package / entry.path));
  }
  FM_TRY(base::write_file_durably(package / "model.toml", manifest_text(imported.manifest)));
  FM_TRY(sync_directories(plan, package));
  FM_ASSIGN(const Package opened, open_package(package));  // what is published opens
  imported.root_digest = opened.root_digest;
  // Without replacing what somebody else imported meanwhile.
  if (::syscall(SYS_renameat2, AT_FDCWD, package.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return exists_already(target);
    if (errno != EINVAL || ::rename(package.c_str(), target.c_str()) != 0)  // a file system without that flag
      return base::os_error(errno, "file.open", "move the package to " + target.string());
  }
  FM_TRY(base::sync_directory(request.into));
  return imported;
}

}  // namespace framemill::models
