#include "base/guarded_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace framemill::base {
namespace {

constexpr Names<FileError, 5> kFileErrors{
    {"file.open", "file.read", "file.too_large", "file.not_regular", "file.permissions"}};

Error file_error(FileError error, const std::filesystem::path& path, const char* what) {
  return error_of(error, fmt::format("{} {}: {}", what, path.string(), std::strerror(errno)));
}

struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
};

Status check_file(const std::filesystem::path& path, const struct stat& info, FileReaders readers) {
  const std::string name = path.string();
  if (!S_ISREG(info.st_mode))
    return error_of(FileError::NotRegular, name + " is not a regular file", "",
                    "correct the path in the configuration");
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return error_of(FileError::Permissions,
                    fmt::format("{} belongs to another user (uid {}), who could change it", name, info.st_uid), "",
                    fmt::format("run: chown {} {}", ::geteuid(), name));
  if (readers == FileReaders::OwnerAlone && (info.st_mode & 077) != 0)
    return error_of(FileError::Permissions,
                    fmt::format("the group of {} or others can use it (mode {:04o})", name, info.st_mode & 07777), "",
                    "run: chmod 600 " + name);
  if ((info.st_mode & 022) != 0)
    return error_of(FileError::Permissions,
                    fmt::format("the group of {} or others can write it (mode {:04o})", name, info.st_mode & 07777), "",
                    "run: chmod go-w " + name);
  return {};
}

// Whoever may write the directory may put another file in the place of this one.
Status check_directory(const std::filesystem::path& directory) {
  struct stat info{};
  if (::stat(directory.empty() ? "." : directory.c_str(), &info) != 0)
    return file_error(FileError::Open, directory, "look at");
  if ((info.st_mode & S_IWOTH) == 0 || (info.st_mode & S_ISVTX) != 0) return {};
  return error_of(FileError::Permissions,
                  fmt::format("everybody can write the directory {} and replace the files in it", directory.string()),
                  "", "run: chmod o-w " + directory.string());
}

}  // namespace

std::string_view text_of(FileError error) {
  return kFileErrors.of(error);
}

Result<std::string> read_guarded_file(const std::filesystem::path& path, std::uint64_t size_bytes_max,
                                      FileReaders readers) {
  // Without O_NONBLOCK a FIFO in the file's place would hold the caller for ever.
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return file_error(FileError::Open, path, "open");
  struct stat info{};
  if (::fstat(file.fd, &info) != 0) return file_error(FileError::Open, path, "look at");
  FM_TRY(check_file(path, info, readers));
  FM_TRY(check_directory(path.parent_path()));
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::canonical(path, failure);
  if (!failure && target != path) FM_TRY(check_directory(target.parent_path()));

  std::string contents;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(file.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(FileError::Read, path, "read");
    if (n == 0) break;
    if (contents.size() + static_cast<std::size_t>(n) > size_bytes_max) {
      ::explicit_bzero(contents.data(), contents.size());
      return error_of(FileError::TooLarge, fmt::format("{} is larger than {} bytes", path.string(), size_bytes_max));
    }
    contents.append(buffer, static_cast<std::size_t>(n));
  }
  if (readers == FileReaders::OwnerAlone) ::explicit_bzero(buffer, sizeof buffer);
  return contents;
}

}  // namespace framemill::base
