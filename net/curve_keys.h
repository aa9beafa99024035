// Curve25519 keys of ZeroMQ's CURVE: who a scheduler or a worker is. A key file is one line of text, a public key file
// may list several with names (who may connect). See docs/keys.md for the format. Any thread.
//
// Errors: keys.read, keys.write, keys.permissions, keys.format, keys.too_many.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::net {

struct CurvePublicKey {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const CurvePublicKey&) const = default;
  std::string z85() const;  // 40 characters
  static base::Result<CurvePublicKey> from_z85(std::string_view text);
};

// Wiped from memory when destroyed; has no comparison and no printing on purpose.
struct CurveSecretKey {
  std::array<std::uint8_t, 32> bytes{};
  CurveSecretKey() = default;
  CurveSecretKey(const CurveSecretKey&) = default;
  CurveSecretKey& operator=(const CurveSecretKey&) = default;
  ~CurveSecretKey();
};

struct CurveKeyPair {
  CurvePublicKey public_key;
  CurveSecretKey secret_key;
};

CurveKeyPair make_curve_key_pair();

// Writes PATH (the pair, mode 0600) and PATH.pub (the public key alone, 0644). Refuses to overwrite either.
base::Status write_key_pair(const std::filesystem::path& path, const CurveKeyPair& pair);
// Refuses a file that its group or others can read or write, or that another user owns (keys.permissions, the hint says
// what to run).
base::Result<CurveKeyPair> read_key_pair(const std::filesystem::path& path);

struct NamedPublicKey {
  CurvePublicKey key;
  std::string name;  // the rest of the line, may be empty
};

// All keys of a public key file, in order; at most 65,536. A key that stands twice is an error that names both lines.
// Refuses a file that its group or others can write, or that another user owns (keys.permissions).
base::Result<std::vector<NamedPublicKey>> read_public_keys(const std::filesystem::path& path);
// The one key of a file that must hold exactly one (the server's).
base::Result<CurvePublicKey> read_public_key(const std::filesystem::path& path);
std::string public_key_line(const CurvePublicKey& key, std::string_view name);  // with its newline

}  // namespace framemill::net
