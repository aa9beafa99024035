// Sessions of browsers: a person shows a token once and gets a cookie that scripts cannot read. A session is bound to its
// token and ends with it, after kLifetime, or by signing out. Kept in memory alone and bounded: the oldest gives way, and
// a start of the scheduler ends all. One thread: the HTTP loop's.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"
#include "scheduler/http/tokens.h"

namespace framemill::scheduler {

struct Session {
  base::Sha256 id;  // of the secret in the cookie
  base::Sha256 token;
  std::string csrf;  // what a change must carry in its header, since a browser sends the cookie by itself
  base::WallTime expires;
};

class SessionTable {
 public:
  static constexpr std::size_t kSessionsMax = 4096;
  static constexpr std::size_t kSessionsPerTokenMax = 64;
  static constexpr base::Duration kLifetime = base::seconds(12 * 3600);

  struct Opened {
    std::string secret;  // for the cookie; not kept
    Session session;
  };
  Opened open(const base::Sha256& token, base::WallTime now);
  // Null: unknown or over.
  const Session* find(std::string_view secret, base::WallTime now) const;
  const Session* find_by_id(const base::Sha256& id) const;
  void close(const base::Sha256& id);
  std::size_t size() const { return sessions_.size(); }

 private:
  struct Place {
    base::Sha256 id, token;
  };
  std::map<base::Sha256, Session> sessions_;
  std::deque<Place> order_;  // the same, oldest first
};

// Refused sign-ins of each network address: after kRefusedMax in kWindow it has to wait. At most kNetworksMax are
// remembered.
class SignInGate {
 public:
  static constexpr int kRefusedMax = 10;
  static constexpr base::Duration kWindow = base::seconds(60);
  static constexpr std::size_t kNetworksMax = 4096;

  bool is_open(const std::string& network, base::Instant now) const;
  void note_refused(const std::string& network, base::Instant now);

 private:
  struct Refused {
    int count = 0;
    base::Instant since;
  };
  std::map<std::string, Refused> refused_;
};

// The value of a cookie of the request's Cookie header, or empty.
std::string_view cookie_value(std::string_view header, std::string_view name);

}  // namespace framemill::scheduler
