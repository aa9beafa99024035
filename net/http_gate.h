// Private to the room: how much of an HTTP server each address and each client holds, against HttpLimits. Pure but for
// the time it is given; the memory it needs is bounded by the open connections and kBucketsMax. Loop thread only.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "net/http_limits.h"

namespace framemill::net {

class HttpGate {
 public:
  static constexpr std::size_t kBucketsMax = 4096;  // addresses and clients whose rate is remembered
  static constexpr double kBurst_s = 2;             // a bucket holds the requests of so many seconds

  explicit HttpGate(const HttpLimits& limits) : limits_(limits) {}

  // One more request; false: more than its share of them in this time. A stranger (empty client) counts for its address.
  bool take_request(const std::string& address, const std::string& client, base::Instant now);

  // Strangers' connections of one address.
  void stranger_came(const std::string& address) { ++strangers_[address]; }
  void stranger_left(const std::string& address);
  bool strangers_full(const std::string& address) const;

  // What one client holds; false: it has its share already, and nothing was taken.
  bool take_connection(const std::string& client);
  void give_back_connection(const std::string& client);
  bool take_answer(const std::string& client);  // a request that is being answered
  void give_back_answer(const std::string& client);
  bool take_body(const std::string& client, std::size_t bytes);
  void give_back_body(const std::string& client, std::size_t bytes);

 private:
  struct Bucket {
    double requests = 0;
    base::Instant filled;
  };
  struct Use {
    std::size_t connections = 0, answers = 0, body_bytes = 0;
  };
  using Buckets = std::unordered_map<std::string, Bucket>;
  Bucket& bucket_of(Buckets& buckets, const std::string& name, double per_s, base::Instant now);
  void forget_unused(const std::string& client);

  const HttpLimits& limits_;
  Buckets address_buckets_, client_buckets_;
  std::unordered_map<std::string, std::size_t> strangers_;
  std::unordered_map<std::string, Use> clients_;
};

}  // namespace framemill::net
