#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/sha256.h"
#include "net/curve_keys.h"
#include "run.h"

namespace framemill::cli {
namespace {

using testing::Program;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

}  // namespace

TEST_CASE("keys curve writes a pair that the daemons' own reader takes") {
  Program program;
  const auto key = program.home.path() / "w1.key";
  const auto made = program.run({"keys", "curve", key.string()});
  REQUIRE(made.code == 0);
  CHECK(mode_of(key) == 0600);
  CHECK(mode_of(key.string() + ".pub") == 0644);
  const auto pair = net::read_key_pair(key);
  REQUIRE(pair.ok());
  CHECK(made.out == net::public_key_line(pair->public_key, "w1"));
  const auto public_key = net::read_public_key(key.string() + ".pub");
  REQUIRE(public_key.ok());
  CHECK(*public_key == pair->public_key);
}

TEST_CASE("keys public prints the public key of a pair that the daemons' own writer made") {
  Program program;
  const auto key = program.home.path() / "scheduler.key";
  const net::CurveKeyPair pair = net::make_curve_key_pair();
  REQUIRE(net::write_key_pair(key, pair).ok());
  const std::string line = net::public_key_line(pair.public_key, "scheduler");
  CHECK(program.run({"keys", "public", key.string()}).out == line);
  CHECK(program.run({"keys", "public", key.string() + ".pub"}).out == line);
}

TEST_CASE("keys never overwrites, and reads no secret that others can read") {
  Program program;
  const auto key = program.home.path() / "w1.key";
  REQUIRE(program.run({"keys", "curve", key.string()}).code == 0);
  const std::string before = *base::read_file(key, 4096);
  const auto again = program.run({"keys", "curve", key.string()});
  CHECK(again.code == 2);
  CHECK(again.err.find("the file exists") != std::string::npos);
  CHECK(*base::read_file(key, 4096) == before);
  REQUIRE(::chmod(key.c_str(), 0644) == 0);
  const auto shown = program.run({"keys", "public", key.string()});
  CHECK(shown.code == 2);
  CHECK(shown.out.empty());
}

TEST_CASE("keys token writes a private file and prints only its digest") {
  Program program;
  const auto file = program.home.path() / "ana.token";
  const auto made = program.run({"keys", "token", "--principal", "ana", "--role", "artist", "--out", file.string()});
  REQUIRE(made.code == 0);
  CHECK(mode_of(file) == 0600);
  std::string token = *base::read_file(file, 4096);
  REQUIRE(token.size() == 44);
  token.pop_back();
  CHECK(made.out ==
        "[[token]]\nprincipal = \"ana\"\nrole = \"artist\"\nsha256 = \"" + base::sha256(token).hex() + "\"\n");
  CHECK((made.out + made.err).find(token) == std::string::npos);
}

TEST_CASE("keys token refuses names and roles that could not stand in tokens.toml") {
  Program program;
  const std::string file = (program.home.path() / "t").string();
  CHECK(program.run({"keys", "token", "--principal", "a\"\nrole=\"admin", "--out", file}).code == 2);
  CHECK(program.run({"keys", "token", "--principal", "ana", "--role", "king", "--out", file}).code == 2);
  CHECK(program.run({"keys", "token", "--principal", "ana"}).code == 2);
  CHECK(!std::filesystem::exists(file));
}

}  // namespace framemill::cli
