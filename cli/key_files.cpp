#include "cli/key_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/file.h"
#include "cli/settings.h"

namespace framemill::cli {
namespace {

constexpr std::string_view kPublicTag = "framemill-curve-public-1";
constexpr std::string_view kSecretTag = "framemill-curve-secret-1";
constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::size_t kKeyBytes = 32;
constexpr std::uint64_t kKeyFileBytesMax = 16 << 20;

static_assert(crypto_box_PUBLICKEYBYTES == kKeyBytes && crypto_box_SECRETKEYBYTES == kKeyBytes);

void start_sodium() {
  FM_CHECK(sodium_init() >= 0, "libsodium cannot start");
}

base::Result<std::string> key_of_z85(std::string_view text) {
  const base::Error wrong{"keys.format", "a key is 40 characters of Z85", {}, {}};
  if (text.size() != 40) return wrong;
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 5) {
    std::uint64_t value = 0;
    for (const char c : text.substr(at, 5)) {
      const std::size_t digit = kAlphabet.find(c);
      if (digit == std::string_view::npos) return wrong;
      value = value * 85 + digit;
    }
    if (value > UINT32_MAX) return wrong;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  }
  return bytes;
}

std::string public_line(std::string_view key_bytes, std::string_view name) {
  return fmt::format("{} {} {}\n", kPublicTag, z85_of_key(key_bytes), name);
}

base::Result<std::string> public_line_of_secret(const std::filesystem::path& path, std::string text) {
  if (auto status = check_private_file(path); !status.ok()) {
    base::Error error = status.error();
    error.code = "keys.permissions";
    return error;
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  auto secret = key_of_z85(std::string_view(text).substr(std::min(text.size(), kSecretTag.size() + 1)));
  sodium_memzero(text.data(), text.size());
  if (!secret.ok()) return secret.error().wrapped(path.string());
  std::array<unsigned char, kKeyBytes> key{};
  crypto_scalarmult_base(key.data(), reinterpret_cast<const unsigned char*>(secret->data()));
  sodium_memzero(secret->data(), secret->size());
  return public_line({reinterpret_cast<const char*>(key.data()), key.size()}, path.stem().string());
}

}  // namespace

std::string z85_of_key(std::string_view bytes) {
  FM_CHECK(bytes.size() == kKeyBytes, "a CURVE key has 32 bytes");
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    std::uint32_t value = 0;
    for (const char c : bytes.substr(at, 4)) value = value << 8 | static_cast<unsigned char>(c);
    std::array<char, 5> digits{};
    for (std::size_t i = digits.size(); i-- > 0; value /= 85) digits[i] = kAlphabet[value % 85];
    out.append(digits.data(), digits.size());
  }
  return out;
}

base::Status write_new_file(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return base::Error{"keys.write",
                       fmt::format("write {}: {}", path.string(), std::strerror(errno)),
                       {},
                       errno == EEXIST ? "the file exists; move it away to replace it" : ""};
  const bool written = ::fchmod(fd, mode) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int cause = errno;
  ::close(fd);
  if (written) return base::sync_directory(path.has_parent_path() ? path.parent_path() : ".");
  ::unlink(path.c_str());
  return base::Error{"keys.write", fmt::format("write {}: {}", path.string(), std::strerror(cause)), {}, {}};
}

base::Result<std::string> make_curve_key_files(const std::filesystem::path& path) {
  start_sodium();
  std::array<unsigned char, kKeyBytes> public_key{}, secret_key{};
  crypto_box_keypair(public_key.data(), secret_key.data());
  const std::string line =
      public_line({reinterpret_cast<const char*>(public_key.data()), public_key.size()}, path.stem().string());
  std::string secret_text = fmt::format(
      "{} {}\n", kSecretTag, z85_of_key({reinterpret_cast<const char*>(secret_key.data()), secret_key.size()}));
  sodium_memzero(secret_key.data(), secret_key.size());

  std::filesystem::path public_path = path;
  public_path += ".pub";
  FM_TRY(write_new_file(public_path, line, 0644));
  const base::Status status = write_new_file(path, secret_text, 0600);
  sodium_memzero(secret_text.data(), secret_text.size());
  if (!status.ok()) {
    ::unlink(public_path.c_str());
    return status.error();
  }
  return line;
}

base::Result<std::string> public_lines_of(const std::filesystem::path& path) {
  start_sodium();
  auto text = base::read_file(path, kKeyFileBytesMax);
  if (!text.ok()) return base::Error{"keys.read", text.error().message, {}, {}};
  if (text->starts_with(kSecretTag)) return public_line_of_secret(path, std::move(text).value());
  if (text->find(kPublicTag) == std::string::npos)
    return base::Error{"keys.format", fmt::format("{} is not a key file", path.string()), {}, "see docs/keys.md"};
  return std::move(text).value();
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
