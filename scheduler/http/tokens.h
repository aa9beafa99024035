// Who may ask what: bearer tokens of tokens.toml, kept as SHA-256 digests, with a principal and a role each. A table is
// an immutable value; the API swaps it when the file is read again. docs/tokens.md has the format.
//
// Errors: tokens.read, tokens.permissions, tokens.syntax and others of config/settings.h, auth.missing, auth.unknown, auth.expired.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "base/time.h"

namespace framemill::scheduler {

enum class Role { Viewer, Artist, Admin };  // each may do what those before it may
std::string_view name(Role role);           // "viewer"
std::optional<Role> role_from_name(std::string_view name);

struct TokenEntry {
  std::string principal;
  Role role = Role::Viewer;
  base::Sha256 digest;                    // of the token's text
  std::optional<base::WallTime> expires;  // the first moment at which it is refused
};

struct Caller {
  std::string principal;
  Role role = Role::Viewer;
  base::Sha256 token{};                     // the digest of what was shown
  std::optional<base::WallTime> expires{};  // of the token
  // Of a browser that signed in: its session, which ends no later than the token.
  std::optional<base::Sha256> session{};
  std::optional<base::WallTime> session_ends{};
};

class TokenTable {
 public:
  TokenTable() = default;
  explicit TokenTable(std::vector<TokenEntry> entries) : entries_(std::move(entries)) {}

  // Every key, principal and digest is checked; at most 10,000 tokens in at most 4 MiB.
  static base::Result<TokenTable> parse(std::string_view toml);
  // Refuses a file that its group or others may write, or that another user owns (tokens.permissions).
  static base::Result<TokenTable> read(const std::filesystem::path& path);

  // Takes the same time whichever token matches or none does.
  base::Result<Caller> authenticate(std::string_view token, base::WallTime now) const;
  // Who holds the token with this digest. Errors: auth.unknown, auth.expired.
  base::Result<Caller> caller_of(const base::Sha256& digest, base::WallTime now) const;
  // Whether the token that let this caller in would let the same principal in now.
  bool still_lets_in(const Caller& caller, base::WallTime now) const;
  std::size_t size() const { return entries_.size(); }

 private:
  const TokenEntry* find(const base::Sha256& digest) const;

  std::vector<TokenEntry> entries_;
};

}  // namespace framemill::scheduler
