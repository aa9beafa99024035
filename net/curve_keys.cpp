#include "net/curve_keys.h"

#include <fmt/format.h>
#include <string.h>
#include <zmq.h>

#include <utility>

#include "base/check.h"
#include "base/key_files.h"

namespace framemill::net {

namespace {

constexpr std::size_t kZ85Bytes = 41;  // with the zero at its end

// The key that ZeroMQ wrote as text.
base::KeyBytes key_of(const char* text) {
  const auto key = base::key_from_z85(std::string_view(text, kZ85Bytes - 1));
  FM_CHECK(key.has_value(), "ZeroMQ wrote a key that is not Z85");
  return *key;
}

}  // namespace

std::string CurvePublicKey::z85() const {
  return base::z85(bytes);
}

base::Result<CurvePublicKey> CurvePublicKey::from_z85(std::string_view text) {
  if (const auto key = base::key_from_z85(text)) return CurvePublicKey{*key};
  return base::Error{"keys.format",
                     fmt::format("a public key is 40 characters of Z85, not {}{}", text.size(),
                                 (text.size() == 40 ? " with others among them" : "")),
                     "", ""};
}

CurveSecretKey::~CurveSecretKey() {
  ::explicit_bzero(bytes.data(), bytes.size());
}

CurveKeyPair make_curve_key_pair() {
  char public_text[kZ85Bytes], secret_text[kZ85Bytes];
  FM_CHECK(zmq_curve_keypair(public_text, secret_text) == 0, "ZeroMQ was built without CURVE");
  CurveKeyPair pair;
  pair.public_key.bytes = key_of(public_text);
  pair.secret_key.bytes = key_of(secret_text);
  ::explicit_bzero(secret_text, sizeof secret_text);
  return pair;
}

base::Status write_key_pair(const std::filesystem::path& path, const CurveKeyPair& pair) {
  return base::write_key_files(path, pair.public_key.bytes, pair.secret_key.bytes);
}

base::Result<CurveKeyPair> read_key_pair(const std::filesystem::path& path) {
  FM_ASSIGN(base::KeyBytes secret, base::read_secret_key(path));
  CurveKeyPair pair;
  pair.secret_key.bytes = secret;
  std::string secret_text = base::z85(secret);
  char public_text[kZ85Bytes];
  FM_CHECK(zmq_curve_public(public_text, secret_text.c_str()) == 0, "a decoded secret key has a public key");
  pair.public_key.bytes = key_of(public_text);
  ::explicit_bzero(secret.data(), secret.size());
  ::explicit_bzero(secret_text.data(), secret_text.size());
  return pair;
}

base::Result<std::vector<NamedPublicKey>> read_public_keys(const std::filesystem::path& path) {
  FM_ASSIGN(std::vector<base::NamedKey> named, base::read_public_keys(path));
  std::vector<NamedPublicKey> keys;
  keys.reserve(named.size());
  for (base::NamedKey& each : named) keys.push_back({CurvePublicKey{each.key}, std::move(each.name)});
  return keys;
}

base::Result<CurvePublicKey> read_public_key(const std::filesystem::path& path) {
  FM_ASSIGN(std::vector<NamedPublicKey> keys, read_public_keys(path));
  if (keys.size() == 1) return keys[0].key;
  return base::Error{"keys.format", fmt::format("{} holds {} keys; expected one", path.string(), keys.size()), "", ""};
}

std::string public_key_line(const CurvePublicKey& key, std::string_view name) {
  return base::public_key_line(key.bytes, name);
}

}  // namespace framemill::net
