// Keys and tokens as the command line makes them: CURVE key pairs in the files of base/key_files.h, and bearer tokens.
// Made with libsodium, because this program must run without ZeroMQ; a test reads the files with the net room's reader.
// Any thread.
//
// Errors: those of base/key_files.h.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace framemill::cli {

// Makes a pair and writes PATH (secret, 0600) and PATH.pub; overwrites neither. The public line.
base::Result<std::string> make_curve_key_files(const std::filesystem::path& path);
// The public line of a secret key file (its NAME is the file's stem), or the lines of a public one.
base::Result<std::string> public_lines_of(const std::filesystem::path& path);

// 32 random bytes as URL-safe text without padding, 43 characters.
std::string make_token();

}  // namespace framemill::cli
