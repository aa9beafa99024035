#include "cli/key_files.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>

#include "base/check.h"
#include "base/file.h"
#include "base/key_files.h"

namespace framemill::cli {
namespace {

constexpr std::uint64_t kPublicFileBytesMax = 16 << 20;

static_assert(crypto_box_PUBLICKEYBYTES == sizeof(base::KeyBytes) &&
              crypto_box_SECRETKEYBYTES == sizeof(base::KeyBytes));

void start_sodium() {
  FM_CHECK(sodium_init() >= 0, "libsodium cannot start");
}

}  // namespace

base::Result<std::string> make_curve_key_files(const std::filesystem::path& path) {
  start_sodium();
  base::KeyBytes public_key{}, secret_key{};
  crypto_box_keypair(public_key.data(), secret_key.data());
  const base::Status status = base::write_key_files(path, public_key, secret_key);
  sodium_memzero(secret_key.data(), secret_key.size());
  if (!status.ok()) return status.error();
  return base::public_key_line(public_key, path.stem().string());
}

base::Result<std::string> public_lines_of(const std::filesystem::path& path) {
  start_sodium();
  if (base::holds_secret_key(path)) {
    FM_ASSIGN(base::KeyBytes secret_key, base::read_secret_key(path));
    base::KeyBytes public_key{};
    crypto_scalarmult_base(public_key.data(), secret_key.data());
    sodium_memzero(secret_key.data(), secret_key.size());
    return base::public_key_line(public_key, path.stem().string());
  }
  const auto text = base::read_file(path, kPublicFileBytesMax);
  if (!text.ok()) return base::Error{"keys.read", text.error().message, {}, {}};
  FM_ASSIGN(const std::vector<base::NamedKey> keys, base::parse_public_keys(*text, path.string()));
  if (keys.empty())
    return base::Error{"keys.format", fmt::format("{} is not a key file", path.string()), {}, "see docs/keys.md"};
  std::string lines;
  for (const base::NamedKey& each : keys) lines += base::public_key_line(each.key, each.name);
  return lines;
}

std::string make_token() {
  start_sodium();
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text{};
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bytes.data(), bytes.size());
  return text.data();
}

}  // namespace framemill::cli
