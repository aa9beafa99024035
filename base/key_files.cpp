#include "base/key_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/file.h"
#include "base/guarded_file.h"

namespace framemill::base {
namespace {

constexpr std::string_view kPublicTag = "framemill-curve-public-1";
constexpr std::string_view kSecretTag = "framemill-curve-secret-1";
constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::size_t kZ85Length = 40;
constexpr std::size_t kKeysMax = 65536;
constexpr std::uint64_t kKeyFileBytesMax = 16u << 20;
constexpr std::uint64_t kSecretFileBytesMax = 64 << 10;

struct KeyLine {
  std::size_t number;
  std::string_view tag, key, name;
};

std::string_view take_word(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
  const std::size_t end = std::min(rest.find_first_of(" \t", begin), rest.size());
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

// The lines that hold something: no comments ('#' first), no empty ones.
std::vector<KeyLine> key_lines(std::string_view text) {
  std::vector<KeyLine> lines;
  std::size_t number = 0;
  while (!text.empty()) {
    std::string_view rest = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(rest.size() + 1, text.size()));
    ++number;
    while (!rest.empty() && (rest.back() == '\r' || rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
    const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (begin == rest.size() || rest[begin] == '#') continue;
    KeyLine line{number, take_word(rest), take_word(rest), {}};
    line.name = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    lines.push_back(line);
  }
  return lines;
}

Error line_error(const std::string& label, std::size_t line, std::string_view what) {
  return {"keys.format", fmt::format("{}, line {}: {}", label, line, what), "",
          fmt::format("a public key line reads: {} KEY NAME", kPublicTag)};
}

// The file's text, or why it may not be used; `what` says what it is.
Result<std::string> read_key_text(const std::filesystem::path& path, std::uint64_t size_bytes_max, FileReaders readers,
                                  std::string_view what) {
  auto text = read_guarded_file(path, size_bytes_max, readers);
  if (text.ok()) return text;
  Error error = text.error().wrapped(fmt::format("read {}", what));
  error.code = is(text, FileError::Permissions) ? "keys.permissions" : "keys.read";
  if (is(text, FileError::Open)) error.hint = "make one, or correct the path in the configuration";
  if (readers == FileReaders::OwnerAlone && is(text, FileError::Permissions))
    error.hint += " (and make a new key if somebody may have seen or changed it)";
  return error;
}

}  // namespace

std::string z85(const KeyBytes& key) {
  std::string out;
  for (std::size_t at = 0; at < key.size(); at += 4) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | key[at + i];
    std::array<char, 5> digits{};
    for (std::size_t i = digits.size(); i-- > 0; value /= 85) digits[i] = kAlphabet[value % 85];
    out.append(digits.data(), digits.size());
  }
  return out;
}

std::optional<KeyBytes> key_from_z85(std::string_view text) {
  if (text.size() != kZ85Length) return std::nullopt;
  KeyBytes key{};
  for (std::size_t word = 0; word < text.size() / 5; ++word) {
    std::uint64_t value = 0;
    for (const char c : text.substr(word * 5, 5)) {
      const std::size_t digit = kAlphabet.find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 85 + digit;
    }
    if (value > UINT32_MAX) return std::nullopt;
    for (std::size_t i = 0; i < 4; ++i) key[word * 4 + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }
  return key;
}

std::string public_key_line(const KeyBytes& key, std::string_view name) {
  return fmt::format("{} {}{}{}\n", kPublicTag, z85(key), name.empty() ? "" : " ", name);
}

Status write_new_file(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return Error{"keys.write", fmt::format("write {}: {}", path.string(), ::strerror(errno)), "",
                 errno == EEXIST ? "the file exists; move it away to replace it" : ""};
  const bool written = ::fchmod(fd, mode) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int cause = errno;
  ::close(fd);
  if (written) return sync_directory(path.has_parent_path() ? path.parent_path() : ".");
  ::unlink(path.c_str());
  return Error{"keys.write", fmt::format("write {}: {}", path.string(), ::strerror(cause)), "", ""};
}

Status write_key_files(const std::filesystem::path& path, const KeyBytes& public_key, const KeyBytes& secret_key) {
  std::filesystem::path public_path = path;
  public_path += ".pub";
  FM_TRY(write_new_file(public_path, public_key_line(public_key, path.stem().string()), 0644));
  std::string text_of_key = z85(secret_key);
  std::string secret_text = fmt::format("{} {}\n", kSecretTag, text_of_key);
  const Status status = write_new_file(path, secret_text, 0600);
  ::explicit_bzero(text_of_key.data(), text_of_key.size());
  ::explicit_bzero(secret_text.data(), secret_text.size());
  if (!status.ok()) ::unlink(public_path.c_str());
  return status;
}

Result<KeyBytes> read_secret_key(const std::filesystem::path& path) {
  FM_ASSIGN(std::string text, read_key_text(path, kSecretFileBytesMax, FileReaders::OwnerAlone, "the secret key"));
  const std::vector<KeyLine> lines = key_lines(text);
  std::optional<KeyBytes> key;
  if (lines.size() == 1 && lines[0].tag == kSecretTag) key = key_from_z85(lines[0].key);
  ::explicit_bzero(text.data(), text.size());
  if (key) return *key;
  return Error{
      "keys.format",
      fmt::format("the secret key {} is not one line of {} and {} characters", path.string(), kSecretTag, kZ85Length),
      "", "is it the .pub file, or cut short?"};
}

bool holds_secret_key(const std::filesystem::path& path) {
  auto text = read_file(path, kKeyFileBytesMax);
  if (!text.ok()) return false;
  const std::vector<KeyLine> lines = key_lines(*text);
  const bool is_secret = !lines.empty() && lines[0].tag == kSecretTag;
  ::explicit_bzero(text->data(), text->size());
  return is_secret;
}

Result<std::vector<NamedKey>> read_public_keys(const std::filesystem::path& path) {
  FM_ASSIGN(const std::string text, read_key_text(path, kKeyFileBytesMax, FileReaders::Anyone, "public keys"));
  return parse_public_keys(text, path.string());
}

Result<std::vector<NamedKey>> parse_public_keys(std::string_view text, const std::string& label) {
  std::vector<NamedKey> keys;
  std::map<KeyBytes, std::size_t> seen;  // the line of each
  for (const KeyLine& line : key_lines(text)) {
    if (line.tag == kSecretTag) return line_error(label, line.number, "a secret key stands among public ones");
    if (line.tag != kPublicTag) return line_error(label, line.number, "not a public key line");
    const auto key = key_from_z85(line.key);
    if (!key) return line_error(label, line.number, fmt::format("a public key is {} characters of Z85", kZ85Length));
    const auto [before, fresh] = seen.emplace(*key, line.number);
    if (!fresh) return line_error(label, line.number, fmt::format("the same key as in line {}", before->second));
    if (keys.size() == kKeysMax)
      return Error{"keys.too_many", fmt::format("{}: more than {} keys", label, kKeysMax), "", ""};
    keys.push_back({*key, std::string(line.name)});
  }
  return keys;
}

}  // namespace framemill::base
