// Small whole-file input and output with the durability steps spelled out. For the shells: pure code has no files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::base {

// The whole file; never waits for one. Errors: file.open, file.not_regular (a FIFO or a socket), file.read,
// file.too_large (more than size_bytes_max), those of base/os_error.h.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t size_bytes_max);

// Writes to a temporary name beside it, fsyncs, renames over the target and fsyncs the directory.
Status write_file_durably(const std::filesystem::path& path, std::string_view contents, unsigned mode = 0644);

// fsync of a directory: makes the names made or removed in it durable.
Status sync_directory(const std::filesystem::path& directory);

// Bytes of the kernel's random source.
std::string random_bytes(std::size_t count);
std::uint64_t random_u64();

}  // namespace framemill::base
