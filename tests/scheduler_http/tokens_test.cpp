#include "scheduler/http/tokens.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"

namespace framemill::scheduler {

namespace {

const std::string kDigest = base::sha256("secret").hex();

std::string error_of(const std::string& text) {
  auto table = TokenTable::parse(text);
  return table.ok() ? "ok" : table.error().message;
}

std::string entry(const std::string& principal, const std::string& role, const std::string& token) {
  return "[[token]]\nprincipal = \"" + principal + "\"\nrole = \"" + role + "\"\nsha256 = \"" +
         base::sha256(token).hex() + "\"\n";
}

std::string all_of(const std::string& text) {
  auto table = TokenTable::parse(text);
  return table.ok() ? "ok" : table.error().message + " " + table.error().hint;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a token gets in through its entry, and no other") {
  const std::string token = "a token as framemill keys token makes it";
  const std::string text = entry("ana \\\"the\\\" artist", "artist", token) + entry("root", "admin", "other");
  auto table = TokenTable::parse(text);
  REQUIRE(table.ok());
  CHECK(table->size() == 2);
  auto caller = table->authenticate(token, {0});
  REQUIRE(caller.ok());
  CHECK(caller->principal == "ana \"the\" artist");
  CHECK(caller->role == Role::Artist);
  for (const std::string& bad :
       {std::string(), token + "x", token.substr(1), std::string(100'000, 'a'), base::sha256(token).hex()}) {
    CHECK(table->authenticate(bad, {0}).error().code == "auth.unknown");
  }
  CHECK(TokenTable().authenticate(token, {0}).error().code == "auth.unknown");
}

TEST_CASE("a token ends at the moment its entry says") {
  auto table = TokenTable::parse("[[token]]\nprincipal = \"a\"\nrole = \"viewer\"\nsha256 = \"" + kDigest +
                                 "\"\nexpires = 2026-11-22T10:15:30.25+01:00\n");
  REQUIRE(table.ok());
  const std::int64_t moment = 1795338930250;  // 2026-11-22T09:15:30.250Z
  CHECK(table->authenticate("secret", {moment - 1}).ok());
  CHECK(table->authenticate("secret", {moment}).error().code == "auth.expired");
  for (const auto& [date, unix_s] : std::vector<std::pair<std::string, std::int64_t>>{
           {"1970-01-01T00:00:00Z", 0}, {"2000-02-29T23:59:59Z", 951868799}, {"2100-03-01T00:00:00Z", 4107542400}}) {
    auto other = TokenTable::parse("[[token]]\nprincipal = \"a\"\nrole = \"viewer\"\nsha256 = \"" + kDigest +
                                   "\"\nexpires = " + date + "\n");
    REQUIRE(other.ok());
    CHECK(other->authenticate("secret", {unix_s * 1000 - 1}).ok());
    CHECK_FALSE(other->authenticate("secret", {unix_s * 1000}).ok());
  }
}

TEST_CASE("bad token files are refused with the line and the reason") {
  const std::string good = "[[token]]\nprincipal = \"a\"\nrole = \"viewer\"\nsha256 = \"" + kDigest + "\"\n";
  CHECK(error_of("") == "ok");
  CHECK(error_of(good) == "ok");
  CHECK(contains(error_of("[[token]\n"), "line 1"));
  CHECK(contains(error_of("tokens = 1\n"), "unknown key \"tokens\""));
  CHECK(contains(all_of("[token]\na = 1\n"), "write [[token]], with two brackets"));
  CHECK(contains(error_of(good + "rol = \"x\"\n"), "line 5: token[0].rol: unknown key \"rol\""));
  CHECK(contains(error_of("[[token]]\nprincipal = \"a\"\nrole = \"viewer\"\n"), "\"sha256\" is missing"));
  CHECK(contains(error_of("[[token]]\nprincipal = \"a\"\nrole = \"king\"\nsha256 = \"" + kDigest + "\"\n"),
                 "\"king\" is not a legal value"));
  CHECK(contains(error_of("[[token]]\nprincipal = \"\"\nrole = \"viewer\"\nsha256 = \"" + kDigest + "\"\n"),
                 "principal: the string is empty"));
  CHECK(contains(error_of("[[token]]\nprincipal = 5\nrole = \"viewer\"\nsha256 = \"" + kDigest + "\"\n"),
                 "principal: 5 is an integer"));
  CHECK(contains(error_of("[[token]]\nprincipal = \"a\"\nrole = \"viewer\"\nsha256 = \"secret\"\n"),
                 "this is not a SHA-256"));
  CHECK(contains(error_of(good + "expires = 2027-01-01\n"), "not a time with an offset"));
  CHECK(contains(error_of(good + "expires = 2027-01-01T00:00:00\n"), "not a time with an offset"));
  CHECK(contains(error_of(good + good), "twice"));
  CHECK_FALSE(contains(error_of("[[token]]\nsha256 = \"my plain password\"\n"), "password"));
  for (const char* secret :
       {"hunter2", "'hunter2", "\u201Chunter2\u201D", "hunter2, 5", "[\"hunter2\"]", "\"hunter2\u200B\""}) {
    INFO(secret);
    const std::string said =
        error_of(std::string("[[token]]\nprincipal = ana\nsha256 = ") + secret + "\nrol = \"x\"\n");
    CHECK(contains(said, "line 2"));
    CHECK_FALSE(contains(said, "hunter2"));
  }
}

TEST_CASE("every byte of a token's digest decides") {
  const base::WallTime now{1'800'000'000'000};
  const base::Sha256 digest = base::sha256("fm_token");
  REQUIRE(TokenTable({{"ana", Role::Admin, digest, {}}}).authenticate("fm_token", now).ok());
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    base::Sha256 other = digest;
    other.bytes[i] ^= 1;
    const auto caller = TokenTable({{"ana", Role::Admin, other, {}}}).authenticate("fm_token", now);
    INFO("byte " << i);
    REQUIRE_FALSE(caller.ok());
    CHECK(caller.error().code == "auth.unknown");
  }
}

TEST_CASE("a token file that others may write is refused") {
  const auto path = std::filesystem::temp_directory_path() / ("framemill-tokens-" + std::to_string(base::random_u64()));
  REQUIRE(base::write_file_durably(path, entry("a", "viewer", "t"), 0640).ok());
  CHECK(TokenTable::read(path).ok());
  REQUIRE(::chmod(path.c_str(), 0660) == 0);
  CHECK(TokenTable::read(path).error().code == "tokens.permissions");
  std::filesystem::remove(path);
  CHECK(TokenTable::read(path).error().code == "tokens.read");
}

}  // namespace framemill::scheduler
