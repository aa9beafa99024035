// Key files and tokens as the command line makes them: CURVE key pairs in the format of docs/keys.md, and bearer
// tokens. Written with libsodium, because this program must run without ZeroMQ; a test reads the files with the net
// room's own reader. Any thread.
//
// Errors: keys.read, keys.write, keys.permissions, keys.format.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::cli {

// Z85 of 32 bytes, 40 characters (rfc.zeromq.org/spec/32).
std::string z85_of_key(std::string_view bytes);

// Makes a pair and writes PATH (secret, 0600) and PATH.pub; overwrites neither. The public line.
base::Result<std::string> make_curve_key_files(const std::filesystem::path& path);
// The public line of a secret key file (its NAME is the file's stem), or the lines of a public one.
base::Result<std::string> public_lines_of(const std::filesystem::path& path);

// 32 random bytes as URL-safe text without padding, 43 characters.
std::string make_token();
// Creates the file with the mode, never through a link, never over another file, and syncs it.
base::Status write_new_file(const std::filesystem::path& path, std::string_view text, unsigned mode);

}  // namespace framemill::cli
