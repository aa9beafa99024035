#include "scheduler/http/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/guarded_file.h"
#include "config/settings.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint64_t kFileBytesMax = 4 << 20;
constexpr std::size_t kTokensMax = 10'000;
constexpr std::size_t kTokenBytesMax = 512;
constexpr std::size_t kPrincipalBytesMax = 100;

bool is_principal(std::string_view text) {
  return !text.empty() && text.size() <= kPrincipalBytesMax && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

void read_entry(config::SettingsTable& table, TokenEntry& entry) {
  table.require("principal", "the name of the person or program that holds the token");
  std::string role, digest;
  table.text("principal", entry.principal);
  if (!entry.principal.empty() && !is_principal(entry.principal))
    table.fail("principal", "out_of_range", fmt::format("the name has {} bytes", entry.principal.size()),
               fmt::format("a name of 1 to {} bytes", kPrincipalBytesMax));
  table.require("role", "viewer, artist or admin");
  table.word("role", role, {name(Role::Viewer), name(Role::Artist), name(Role::Admin)});
  entry.role = role_from_name(role).value_or(Role::Viewer);
  table.require("sha256", "the digest of the token, from framemill keys token");
  table.text("sha256", digest);
  const auto parsed = base::Sha256::from_hex(digest);
  if (parsed)
    entry.digest = *parsed;
  else if (!digest.empty())
    table.fail("sha256", "bad_digest", "this is not a SHA-256", "64 hexadecimal digits");
  table.moment("expires", entry.expires);
  std::string note;
  table.text("note", note);
}

base::Error unknown_token() {
  return {"auth.unknown", "unknown token", "", "ask the farm's administrator for a new one"};
}

// Equal length, and no early way out.
bool same_bytes(const base::Sha256& a, const base::Sha256& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) difference |= static_cast<unsigned>(a.bytes[i] ^ b.bytes[i]);
  return difference == 0;
}

}  // namespace

std::string_view name(Role role) {
  return role == Role::Viewer ? "viewer" : role == Role::Artist ? "artist" : "admin";
}

std::optional<Role> role_from_name(std::string_view text) {
  for (const Role role : {Role::Viewer, Role::Artist, Role::Admin}) {
    if (text == name(role)) return role;
  }
  return std::nullopt;
}

base::Result<TokenTable> TokenTable::parse(std::string_view text) {
  std::vector<TokenEntry> entries;
  std::set<base::Sha256> seen;
  const config::SettingsForm form{.code_prefix = "tokens",
                                  .lists = {"token"},
                                  .secrets = {"sha256"},
                                  .bytes_max = kFileBytesMax,
                                  .keys_max = 6 * kTokensMax,
                                  .unknown_key_hint = "see docs/tokens.md"};
  FM_TRY(config::read_settings(text, form, [&](config::SettingsTable& file) {
    file.tables("token", kTokensMax, [&](config::SettingsTable& table) {
      TokenEntry& entry = entries.emplace_back();
      read_entry(table, entry);
      if (entry.digest != base::Sha256() && !seen.insert(entry.digest).second)
        table.fail("sha256", "duplicate_token", "this token is in the file twice", "delete one of the entries");
    });
  }));
  return TokenTable(std::move(entries));
}

base::Result<TokenTable> TokenTable::read(const std::filesystem::path& path) {
  auto text = base::read_guarded_file(path, kFileBytesMax, base::FileReaders::Anyone);
  if (!text.ok()) {
    base::Error error = text.error().wrapped("read tokens");
    error.code = is(text, base::FileError::Permissions) ? "tokens.permissions" : "tokens.read";
    return error;
  }
  auto table = parse(*text);
  if (!table.ok()) return table.error().wrapped(path.string());
  return table;
}

base::Result<Caller> TokenTable::authenticate(std::string_view token, base::WallTime now) const {
  if (token.empty() || token.size() > kTokenBytesMax) return unknown_token();
  return caller_of(base::sha256(token), now);
}

base::Result<Caller> TokenTable::caller_of(const base::Sha256& digest, base::WallTime now) const {
  const TokenEntry* found = find(digest);
  if (found == nullptr) return unknown_token();
  if (found->expires && now >= *found->expires) {
    return base::Error{"auth.expired", "this token has expired", "", "ask the farm's administrator for a new one"};
  }
  return Caller{found->principal, found->role, digest, found->expires};
}

bool TokenTable::still_lets_in(const Caller& caller, base::WallTime now) const {
  if (caller.session_ends && now >= *caller.session_ends) return false;
  const TokenEntry* found = find(caller.token);
  return found != nullptr && found->principal == caller.principal && !(found->expires && now >= *found->expires);
}

const TokenEntry* TokenTable::find(const base::Sha256& digest) const {
  const TokenEntry* found = nullptr;
  for (const TokenEntry& entry : entries_) {
    if (same_bytes(entry.digest, digest)) found = &entry;
  }
  return found;
}

}  // namespace framemill::scheduler
