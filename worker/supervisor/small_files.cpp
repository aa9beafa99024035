#include "worker/supervisor/small_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "wire/limits.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker {
namespace {}  // namespace

base::Status write_all(int file, std::string_view contents, const std::string& name) {
  while (!contents.empty()) {
    const ssize_t n = ::write(file, contents.data(), contents.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return storage_error(errno, "write " + name);
    contents.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

base::Status write_at(int directory, const std::string& name, std::string_view contents, Durable durable) {
  const std::string temporary = name + ".part";
  ::unlinkat(directory, temporary.c_str(), 0);
  UniqueFd file(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) return storage_error(errno, "create " + name);
  FM_TRY(write_all(file.get(), contents, name));
  if (durable == Durable::Yes && ::fsync(file.get()) != 0) return storage_error(errno, "sync " + name);
  if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    return storage_error(errno, "rename " + name);
  if (durable == Durable::Yes && ::fsync(directory) != 0) return storage_error(errno, "sync the directory of " + name);
  return {};
}

base::Result<std::string> read_at(int directory, const std::string& name) {
  const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return storage_error(errno, "open " + name);
  std::string contents;
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return storage_error(errno, "read " + name);
    if (n == 0) break;
    contents.append(buffer.data(), static_cast<std::size_t>(n));
    if (contents.size() > wire::kExecutorMessageBytesMax)
      return base::Error{"storage_failed", name + " is too large", "", ""};
  }
  return contents;
}

base::Result<std::vector<std::string>> list(int directory, std::size_t entries_max) {
  const UniqueDir dir(::fdopendir(::fcntl(directory, F_DUPFD_CLOEXEC, 0)));
  if (!dir) return storage_error(errno, "list a directory");
  ::rewinddir(dir.get());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    if (names.size() >= entries_max) break;
    names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace framemill::worker
