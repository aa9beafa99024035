// Files that decide who may do what (keys, tokens, lists of keys): they are read only when nobody but their owner can
// have changed them. For the shells.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error_code.h"
#include "base/result.h"

namespace framemill::base {

enum class FileError : std::uint8_t { Open, Read, TooLarge, NotRegular, Permissions };
std::string_view text_of(FileError error);  // "file.permissions"

enum class FileReaders { Anyone, OwnerAlone };  // who may read the file

// The contents of a regular file of at most `size_bytes_max` bytes. It must belong to this process's user or to root,
// its group and others must not be able to write it (nor to read it, with OwnerAlone), and the directories that hold the
// name and the file must not be writable by everybody (a sticky one may be). What was checked is what is read.
// Errors: file.open, file.read, file.too_large, file.not_regular, file.permissions; the hint says what to run.
Result<std::string> read_guarded_file(const std::filesystem::path& path, std::uint64_t size_bytes_max,
                                      FileReaders readers);

}  // namespace framemill::base
