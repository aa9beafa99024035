#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/os_error.h"

namespace framemill::base {
namespace {

Error system_error(std::string code, const std::filesystem::path& path, const char* what) {
  if (errno == ENOSPC || errno == EDQUOT)
    code = "file.disk_full";  // told at write, fsync or rename, as the system likes
  return Error{std::move(code), fmt::format("{} {}: {}", what, path.string(), std::strerror(errno)), "", ""};
}

// Of a file that is there to be read: what the host or its storage lacks has codes of its own.
Error read_error(std::string_view code, const std::filesystem::path& path, const char* what) {
  return os_error(errno, code, fmt::format("{} {}", what, path.string()));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t size_bytes_max) {
  // Without O_NONBLOCK a FIFO in the file's place would hold the caller until somebody writes into it.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return read_error("file.open", path, "open");
  struct stat info{};
  if (::fstat(file.fd, &info) != 0) return read_error("file.open", path, "look at");
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))
    return Error{"file.not_regular", fmt::format("{} is not a regular file", path.string()), "", ""};
  std::string contents;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(file.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return read_error("file.read", path, "read");
    if (n == 0) return contents;
    if (contents.size() + static_cast<std::size_t>(n) > size_bytes_max)
      return Error{"file.too_large", fmt::format("{} is larger than {} bytes", path.string(), size_bytes_max), "", ""};
    contents.append(buffer, static_cast<std::size_t>(n));
  }
}

Status write_file_durably(const std::filesystem::path& path, std::string_view contents, unsigned mode) {
  const std::filesystem::path temporary = path.string() + fmt::format(".tmp{:016x}", random_u64());
  {
    const Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    if (file.fd < 0) return system_error("file.open", path, "create");
    std::string_view rest = contents;
    while (!rest.empty()) {
      const ssize_t n = ::write(file.fd, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const Error error = system_error("file.write", path, "write");
        ::unlink(temporary.c_str());
        return error;
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(file.fd) != 0) {
      const Error error = system_error("file.sync", path, "fsync");
      ::unlink(temporary.c_str());
      return error;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = system_error("file.rename", path, "rename to");
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_directory(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

Status sync_directory(const std::filesystem::path& directory) {
  const Descriptor handle{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (handle.fd < 0) return system_error("file.open", directory, "open directory");
  if (::fsync(handle.fd) != 0) return system_error("file.sync", directory, "fsync directory");
  return {};
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t n = ::getrandom(bytes.data() + have, count - have, 0);
    if (n < 0 && errno == EINTR) continue;
    FM_CHECK(n > 0, "getrandom failed");
    have += static_cast<std::size_t>(n);
  }
  return bytes;
}

std::uint64_t random_u64() {
  const std::string bytes = random_bytes(8);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace framemill::base
