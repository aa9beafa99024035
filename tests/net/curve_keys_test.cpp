#include "net/curve_keys.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"

namespace framemill::net {

namespace {

// A directory that goes away with the test.
struct Directory {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("framemill-keys-" + std::to_string(base::random_u64()));
  Directory() { std::filesystem::create_directories(path); }
  ~Directory() { std::filesystem::remove_all(path); }
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  ::stat(path.c_str(), &info);
  return info.st_mode & 07777;
}

}  // namespace

TEST_CASE("a key pair comes back from its files as it was written") {
  Directory dir;
  const CurveKeyPair pair = make_curve_key_pair();
  REQUIRE(write_key_pair(dir.path / "scheduler.key", pair).ok());
  CHECK(mode_of(dir.path / "scheduler.key") == 0600);
  CHECK(mode_of(dir.path / "scheduler.key.pub") == 0644);
  auto back = read_key_pair(dir.path / "scheduler.key");
  REQUIRE(back.ok());
  CHECK(back->public_key == pair.public_key);
  CHECK(back->secret_key.bytes == pair.secret_key.bytes);
  auto public_key = read_public_key(dir.path / "scheduler.key.pub");
  REQUIRE(public_key.ok());
  CHECK(*public_key == pair.public_key);
  auto named = read_public_keys(dir.path / "scheduler.key.pub");
  REQUIRE(named.ok());
  CHECK(named->at(0).name == "scheduler");
}

TEST_CASE("an existing key is not overwritten") {
  Directory dir;
  REQUIRE(write_key_pair(dir.path / "a.key", make_curve_key_pair()).ok());
  const auto before = base::read_file(dir.path / "a.key", 4096);
  auto status = write_key_pair(dir.path / "a.key", make_curve_key_pair());
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "keys.write");
  CHECK(*base::read_file(dir.path / "a.key", 4096) == *before);
}

TEST_CASE("a secret key that others can read is refused with the command that mends it") {
  Directory dir;
  const auto path = dir.path / "worker.key";
  REQUIRE(write_key_pair(path, make_curve_key_pair()).ok());
  for (const unsigned mode : {0640u, 0604u, 0610u, 0602u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    auto key = read_key_pair(path);
    REQUIRE_FALSE(key.ok());
    CHECK(key.error().code == "keys.permissions");
    CHECK(key.error().hint.find("chmod 600 " + path.string()) != std::string::npos);
  }
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(read_key_pair(path).ok());
}

TEST_CASE("a list of public keys that others can write is refused with the command that mends it") {
  Directory dir;
  const auto path = dir.path / "workers.keys";
  REQUIRE(base::write_file_durably(path, public_key_line(make_curve_key_pair().public_key, "w1"), 0644).ok());
  CHECK(read_public_keys(path).ok());
  for (const unsigned mode : {0664u, 0646u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto keys = read_public_keys(path);
    REQUIRE_FALSE(keys.ok());
    CHECK(keys.error().code == "keys.permissions");
    CHECK(keys.error().hint == "run: chmod go-w " + path.string());
    CHECK(read_public_key(path).error().code == "keys.permissions");
  }
}

TEST_CASE("a secret key file that is not one secret key is refused") {
  Directory dir;
  const auto path = dir.path / "bad.key";
  const std::string good_key(40, 'a');
  for (const std::string& text :
       {std::string(), std::string("garbage\n"), "framemill-curve-public-1 " + good_key + "\n",
        "framemill-curve-secret-1 " + good_key.substr(1) + "\n",
        "framemill-curve-secret-1 " + good_key + "\nframemill-curve-secret-1 " + good_key + "\n",
        "framemill-curve-secret-1 " + std::string(40, '"') + "\n", std::string(5000, 'x')}) {
    REQUIRE(base::write_file_durably(path, text, 0600).ok());
    auto key = read_key_pair(path);
    REQUIRE_FALSE(key.ok());
    CHECK(key.error().code == "keys.format");
    CHECK(key.error().message.find(good_key) == std::string::npos);  // never prints what may be a secret
  }
  CHECK(read_key_pair(dir.path / "missing.key").error().code == "keys.read");
  CHECK(read_key_pair(dir.path).error().code == "keys.read");
}

TEST_CASE("a list of public keys skips comments and keeps names, and names the line of a bad one") {
  Directory dir;
  const auto path = dir.path / "workers.pub";
  const auto a = make_curve_key_pair().public_key, b = make_curve_key_pair().public_key;
  REQUIRE(base::write_file_durably(
              path, "# workers\n\n" + public_key_line(a, "render 01") + "  " + public_key_line(b, "") + "\r\n")
              .ok());
  auto keys = read_public_keys(path);
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  CHECK((*keys)[0].key == a);
  CHECK((*keys)[0].name == "render 01");
  CHECK((*keys)[1].key == b);
  CHECK((*keys)[1].name.empty());
  CHECK(read_public_key(path).error().code == "keys.format");

  REQUIRE(
      base::write_file_durably(path, public_key_line(a, "x") + public_key_line(b, "") + public_key_line(a, "y")).ok());
  auto twice = read_public_keys(path);
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().message.find("line 3: the same key as in line 1") != std::string::npos);

  REQUIRE(base::write_file_durably(path, "framemill-curve-secret-1 " + std::string(40, 'a') + "\n").ok());
  CHECK(read_public_keys(path).error().message.find("secret key stands among public ones") != std::string::npos);
}

TEST_CASE("Z85 text of a public key is checked character by character") {
  const auto key = make_curve_key_pair().public_key;
  CHECK(*CurvePublicKey::from_z85(key.z85()) == key);
  for (const std::string& bad : {std::string(), std::string(39, 'a'), std::string(41, 'a'), std::string(40, '~'),
                                 std::string(40, '\xff'), std::string(40, '\0')}) {
    CHECK_FALSE(CurvePublicKey::from_z85(bad).ok());
  }
}

}  // namespace framemill::net
