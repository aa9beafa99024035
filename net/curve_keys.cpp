#include "net/curve_keys.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/guarded_file.h"

namespace framemill::net {

namespace {

constexpr std::string_view kPublicTag = "framemill-curve-public-1";
constexpr std::string_view kSecretTag = "framemill-curve-secret-1";
constexpr std::size_t kKeysMax = 65536;
constexpr std::uint64_t kKeyFileBytesMax = 16u << 20;
constexpr std::uint64_t kSecretFileBytesMax = 64 << 10;

std::string z85_text(const std::array<std::uint8_t, 32>& bytes) {
  char text[41];
  FM_CHECK(zmq_z85_encode(text, bytes.data(), bytes.size()) != nullptr, "32 bytes always encode");
  return std::string(text, 40);
}

bool z85_bytes(std::string_view text, std::array<std::uint8_t, 32>& bytes) {
  // zmq_z85_decode looks characters up in a table without a check of its own in older versions: check first.
  constexpr std::string_view kAlphabet =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
  if (text.size() != 40 || text.find_first_not_of(kAlphabet) != text.npos) return false;
  return zmq_z85_decode(bytes.data(), std::string(text).c_str()) != nullptr;
}

struct Line {
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

// The lines that say something: no comments ('#' first), no empty ones.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::size_t number = 0;
  while (!text.empty()) {
    std::string_view rest = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(rest.size() + 1, text.size()));
    ++number;
    while (!rest.empty() && (rest.back() == '\r' || rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
    const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (begin == rest.size() || rest[begin] == '#') continue;
    Line line{number, take_word(rest), take_word(rest), {}};
    line.name = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    lines.push_back(line);
  }
  return lines;
}

base::Error format_error(const std::filesystem::path& path, std::size_t line, std::string_view what) {
  return {"keys.format", fmt::format("{}, line {}: {}", path.string(), line, what), "",
          "a public key line reads: " + std::string(kPublicTag) + " KEY NAME"};
}

base::Status write_new(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    return base::Error{"keys.write", "write " + path.string() + ": " + ::strerror(errno), "",
                       errno == EEXIST ? "a key exists; move it away to replace it" : ""};
  }
  const bool written = ::fchmod(fd, mode) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int cause = errno;
  ::close(fd);
  if (written) return {};
  ::unlink(path.c_str());
  return base::Error{"keys.write", "write " + path.string() + ": " + ::strerror(cause), "", ""};
}

// The file's text, or why it may not be used; `what` says what it is.
base::Result<std::string> read_key_text(const std::filesystem::path& path, std::uint64_t size_bytes_max,
                                        base::FileReaders readers, std::string_view what) {
  auto text = base::read_guarded_file(path, size_bytes_max, readers);
  if (text.ok()) return text;
  base::Error error = text.error().wrapped("read " + std::string(what));
  error.code = is(text, base::FileError::Permissions) ? "keys.permissions" : "keys.read";
  if (is(text, base::FileError::Open)) error.hint = "make one, or correct the path in the configuration";
  if (readers == base::FileReaders::OwnerAlone && is(text, base::FileError::Permissions))
    error.hint += " (and make a new key if somebody may have seen or changed it)";
  return error;
}

}  // namespace

std::string CurvePublicKey::z85() const {
  return z85_text(bytes);
}

base::Result<CurvePublicKey> CurvePublicKey::from_z85(std::string_view text) {
  CurvePublicKey key;
  if (z85_bytes(text, key.bytes)) return key;
  return base::Error{"keys.format",
                     fmt::format("a public key is 40 characters of Z85, not {}{}", text.size(),
                                 (text.size() == 40 ? " with others among them" : "")),
                     "", ""};
}

CurveSecretKey::~CurveSecretKey() {
  ::explicit_bzero(bytes.data(), bytes.size());
}

CurveKeyPair make_curve_key_pair() {
  char public_text[41], secret_text[41];
  FM_CHECK(zmq_curve_keypair(public_text, secret_text) == 0, "ZeroMQ was built without CURVE");
  CurveKeyPair pair;
  z85_bytes(std::string_view(public_text, 40), pair.public_key.bytes);
  z85_bytes(std::string_view(secret_text, 40), pair.secret_key.bytes);
  ::explicit_bzero(secret_text, sizeof secret_text);
  return pair;
}

base::Status write_key_pair(const std::filesystem::path& path, const CurveKeyPair& pair) {
  std::filesystem::path public_path = path;
  public_path += ".pub";
  const std::string public_text = public_key_line(pair.public_key, path.stem().string());
  std::string secret_text = std::string(kSecretTag) + " " + z85_text(pair.secret_key.bytes) + "\n";
  FM_TRY(write_new(public_path, public_text, 0644));
  base::Status status = write_new(path, secret_text, 0600);
  ::explicit_bzero(secret_text.data(), secret_text.size());
  if (!status.ok()) {
    ::unlink(public_path.c_str());
    return status;
  }
  return base::sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

base::Result<CurveKeyPair> read_key_pair(const std::filesystem::path& path) {
  FM_ASSIGN(std::string text,
            read_key_text(path, kSecretFileBytesMax, base::FileReaders::OwnerAlone, "the secret key"));
  const std::vector<Line> lines = lines_of(text);
  CurveKeyPair pair;
  const bool good = lines.size() == 1 && lines[0].tag == kSecretTag && z85_bytes(lines[0].key, pair.secret_key.bytes);
  char secret_text[41] = {}, public_text[41] = {};
  if (good) {
    lines[0].key.copy(secret_text, 40);
    FM_CHECK(zmq_curve_public(public_text, secret_text) == 0, "a decoded secret key has a public key");
    z85_bytes(std::string_view(public_text, 40), pair.public_key.bytes);
  }
  ::explicit_bzero(secret_text, sizeof secret_text);
  ::explicit_bzero(text.data(), text.size());
  if (good) return pair;
  return base::Error{
      "keys.format",
      "the secret key " + path.string() + " is not one line of " + std::string(kSecretTag) + " and 40 characters", "",
      "is it the .pub file, or cut short?"};
}

base::Result<std::vector<NamedPublicKey>> read_public_keys(const std::filesystem::path& path) {
  FM_ASSIGN(const std::string text, read_key_text(path, kKeyFileBytesMax, base::FileReaders::Anyone, "public keys"));
  std::vector<NamedPublicKey> keys;
  std::map<CurvePublicKey, std::size_t> seen;  // the line of each
  for (const Line& line : lines_of(text)) {
    if (line.tag == kSecretTag) return format_error(path, line.number, "a secret key stands among public ones");
    if (line.tag != kPublicTag) return format_error(path, line.number, "not a public key line");
    auto key = CurvePublicKey::from_z85(line.key);
    if (!key.ok()) return format_error(path, line.number, key.error().message);
    const auto [before, fresh] = seen.emplace(*key, line.number);
    if (!fresh) return format_error(path, line.number, fmt::format("the same key as in line {}", before->second));
    if (keys.size() == kKeysMax) {
      return base::Error{"keys.too_many", fmt::format("{}: more than {} keys", path.string(), kKeysMax), "", ""};
    }
    keys.push_back({*key, std::string(line.name)});
  }
  return keys;
}

base::Result<CurvePublicKey> read_public_key(const std::filesystem::path& path) {
  FM_ASSIGN(std::vector<NamedPublicKey> keys, read_public_keys(path));
  if (keys.size() == 1) return keys[0].key;
  return base::Error{"keys.format", fmt::format("{} holds {} keys; expected one", path.string(), keys.size()), "", ""};
}

std::string public_key_line(const CurvePublicKey& key, std::string_view name) {
  std::string line = std::string(kPublicTag) + " " + key.z85();
  if (!name.empty()) line += " " + std::string(name);
  return line + "\n";
}

}  // namespace framemill::net
