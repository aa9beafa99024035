#include "scheduler/http/tokens.h"

#include <toml++/toml.h>
#include <algorithm>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/guarded_file.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint64_t kFileBytesMax = 4 << 20;
constexpr std::size_t kTokensMax = 10'000;
constexpr std::size_t kTokenBytesMax = 512;
constexpr std::size_t kPrincipalBytesMax = 100;

base::Error bad_entry(const toml::node& node, const std::string& what) {
  return {"tokens.bad_entry", "line " + std::to_string(node.source().begin.line) + ": " + what, "",
          "an entry has principal, role (viewer, artist or admin), sha256, and may have expires and note"};
}

bool is_principal(std::string_view text) {
  return !text.empty() && text.size() <= kPrincipalBytesMax && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

std::optional<base::WallTime> wall_time_of(const toml::node& node) {
  const auto* value = node.as_date_time();
  if (value == nullptr || !value->get().offset)
    return std::nullopt;  // a local time means different things in two places
  const toml::date_time& t = value->get();
  // Days since 1970-01-01 of a Gregorian date (Howard Hinnant, chrono-compatible low-level date algorithms).
  const std::int64_t year = t.date.year - (t.date.month <= 2 ? 1 : 0);
  const std::int64_t era = year / 400, year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (t.date.month + (t.date.month > 2 ? -3 : 9)) + 2) / 5 + t.date.day - 1;
  const std::int64_t days =
      era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
  const std::int64_t seconds = days * 86400 + t.time.hour * 3600 + t.time.minute * 60 + t.time.second;
  return base::WallTime{(seconds - std::int64_t{t.offset->minutes} * 60) * 1000 + t.time.nanosecond / 1'000'000};
}

base::Result<TokenEntry> entry_of(const toml::table& table) {
  TokenEntry entry;
  bool has_principal = false, has_role = false, has_digest = false;
  for (const auto& [key, node] : table) {
    const std::string text = node.value_or(std::string());
    if (key == "principal") {
      if (!node.is_string() || !is_principal(text))
        return bad_entry(node, "principal must be a name of 1 to 100 bytes");
      entry.principal = text;
      has_principal = true;
    } else if (key == "role") {
      const auto role = role_from_name(text);
      if (!role) return bad_entry(node, "role must be viewer, artist or admin");
      entry.role = *role;
      has_role = true;
    } else if (key == "sha256") {
      const auto digest = base::Sha256::from_hex(text);
      if (!digest) return bad_entry(node, "sha256 must be 64 hexadecimal digits");
      entry.digest = *digest;
      has_digest = true;
    } else if (key == "expires") {
      entry.expires = wall_time_of(node);
      if (!entry.expires) return bad_entry(node, "expires must be a time with an offset, as 2027-01-31T00:00:00Z");
    } else if (key == "note") {
      if (!node.is_string()) return bad_entry(node, "note must be text");
    } else {
      return bad_entry(node, "unknown key \"" + std::string(key.str()) + "\"");
    }
  }
  if (has_principal && has_role && has_digest) return entry;
  return bad_entry(table, std::string(!has_principal ? "principal" : !has_role ? "role" : "sha256") + " is missing");
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
  toml::table file;
  try {
    file = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return base::Error{"tokens.syntax",
                       "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()),
                       "", ""};
  }
  std::vector<TokenEntry> entries;
  std::set<base::Sha256> seen;
  for (const auto& [key, node] : file) {
    if (key != "token" || !node.is_array()) return bad_entry(node, "only [[token]] entries belong here");
    for (const toml::node& item : *node.as_array()) {
      if (!item.is_table()) return bad_entry(item, "only [[token]] entries belong here");
      FM_ASSIGN(TokenEntry entry, entry_of(*item.as_table()));
      if (!seen.insert(entry.digest).second) return bad_entry(item, "the same token stands here twice");
      if (entries.size() == kTokensMax) return bad_entry(item, "more than " + std::to_string(kTokensMax) + " tokens");
      entries.push_back(std::move(entry));
    }
  }
  return TokenTable(std::move(entries));
}

base::Result<TokenTable> TokenTable::read(const std::filesystem::path& path) {
  auto text = base::read_guarded_file(path, kFileBytesMax, base::FileReaders::Anyone);
  if (!text.ok()) {
    base::Error error = text.error().wrapped("read tokens");
    error.code = text.error().code == "file.permissions" ? "tokens.permissions" : "tokens.read";
    return error;
  }
  auto table = parse(*text);
  if (!table.ok()) return table.error().wrapped(path.string());
  return table;
}

base::Result<Caller> TokenTable::authenticate(std::string_view token, base::WallTime now) const {
  const base::Error unknown{"auth.unknown", "this token is not known here", "",
                            "ask the farm's administrator for a new one"};
  if (token.empty() || token.size() > kTokenBytesMax) return unknown;
  const base::Sha256 digest = base::sha256(token);
  const TokenEntry* found = find(digest);
  if (found == nullptr) return unknown;
  if (found->expires && now >= *found->expires) {
    return base::Error{"auth.expired", "this token is no longer valid", "",
                       "ask the farm's administrator for a new one"};
  }
  return Caller{found->principal, found->role, digest, found->expires};
}

bool TokenTable::still_lets_in(const Caller& caller, base::WallTime now) const {
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

std::string make_token() {
  const std::string bytes = base::random_bytes(32);
  return "fm_" + base::to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string token_entry(std::string_view principal, Role role, std::string_view token) {
  std::ostringstream lines;
  lines << "[[token]]\nprincipal = " << toml::value<std::string>(std::string(principal)) << "\nrole = \"" << name(role)
        << "\"\nsha256 = \"" << base::sha256(token).hex() << "\"\n";
  return lines.str();
}

}  // namespace framemill::scheduler
