// Files of CURVE keys (docs/keys.md): who a scheduler or a worker is. A key file is one line of text, a public key file
// may list several with names. Knows no cryptography: the net room makes keys with ZeroMQ, the command line with
// libsodium. Any thread.
//
// Errors: keys.read, keys.write, keys.permissions, keys.format, keys.too_many.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::base {

using KeyBytes = std::array<std::uint8_t, 32>;

// Z85 of a key, 40 characters (rfc.zeromq.org/spec/32).
std::string z85(const KeyBytes& key);
std::optional<KeyBytes> key_from_z85(std::string_view text);

std::string public_key_line(const KeyBytes& key, std::string_view name);  // with its newline

// Writes PATH (the secret key, mode 0600) and PATH.pub (the public key with PATH's stem as its name, 0644). Overwrites
// neither.
Status write_key_files(const std::filesystem::path& path, const KeyBytes& public_key, const KeyBytes& secret_key);

// The caller wipes what it gets. Refuses a file that its group or others can read or write, or that another user owns
// (keys.permissions, the hint says what to run).
Result<KeyBytes> read_secret_key(const std::filesystem::path& path);
// Whether the file's first line says that it holds a secret key; no where it cannot be read.
bool holds_secret_key(const std::filesystem::path& path);

struct NamedKey {
  KeyBytes key{};
  std::string name;  // the rest of the line, may be empty
};
// All keys of a public key file, in order; at most 65,536. A key that stands twice is an error that names both lines.
// Refuses a file that its group or others can write, or that another user owns (keys.permissions).
Result<std::vector<NamedKey>> read_public_keys(const std::filesystem::path& path);
// The same of a text; `label` is what messages call it.
Result<std::vector<NamedKey>> parse_public_keys(std::string_view text, const std::string& label);

// Creates the file with the mode, never through a link, never over another file, and syncs it and its directory.
Status write_new_file(const std::filesystem::path& path, std::string_view text, unsigned mode);

}  // namespace framemill::base
