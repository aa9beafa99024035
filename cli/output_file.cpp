#include "cli/output_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/file.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;

base::Status write_through(const fs::path& path, std::string_view contents) {
  std::ofstream out(path, std::ios::binary);
  if (!out) return base::Error{"file.open", fmt::format("open {}: {}", path.string(), std::strerror(errno)), {}, {}};
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  out.flush();
  if (out) return {};
  return base::Error{errno == ENOSPC ? "file.disk_full" : "file.write",
                     fmt::format("write {}: {}", path.string(), std::strerror(errno)),
                     {},
                     {}};
}

}  // namespace

base::Status write_output_file(const fs::path& path, std::string_view contents) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (fs::is_directory(there))
    return base::Error{"file.is_directory", path.string() + " is a directory", {}, "name a file in it"};
  if (fs::exists(there) && !fs::is_regular_file(there)) return write_through(path, contents);
  if (!fs::is_symlink(fs::symlink_status(path, error))) return base::write_file_durably(path, contents);
  // canonical() follows links to what exists; what a link promises for later is one step away.
  const fs::path target =
      fs::exists(there) ? fs::canonical(path, error) : path.parent_path() / fs::read_symlink(path, error);
  if (error) return base::Error{"file.open", fmt::format("{}: {}", path.string(), error.message()), {}, {}};
  return base::write_file_durably(target, contents);
}

}  // namespace framemill::cli
