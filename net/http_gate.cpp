#include "net/http_gate.h"

#include <algorithm>

namespace framemill::net {
namespace {

// All who come while every bucket is in use share one: memory stays bounded, and nobody who behaves notices.
const std::string kEveryoneElse = "everyone else";

}  // namespace

HttpGate::Bucket& HttpGate::bucket_of(Buckets& buckets, const std::string& name, double per_s, base::Instant now) {
  const double full = std::max(1.0, per_s * kBurst_s);
  auto found = buckets.find(name);
  if (found == buckets.end() && buckets.size() >= kBucketsMax) {
    // Full by now: the same as new ones.
    std::erase_if(buckets, [&](const auto& entry) {
      return static_cast<double>((now - entry.second.filled).ms) >= kBurst_s * 1000;
    });
    if (buckets.size() >= kBucketsMax) found = buckets.try_emplace(kEveryoneElse, Bucket{full, now}).first;
  }
  if (found == buckets.end()) found = buckets.emplace(name, Bucket{full, now}).first;
  Bucket& bucket = found->second;
  bucket.requests = std::min(full, bucket.requests + static_cast<double>((now - bucket.filled).ms) / 1000 * per_s);
  bucket.filled = now;
  return bucket;
}

bool HttpGate::take_request(const std::string& address, const std::string& client, base::Instant now) {
  Bucket& bucket = client.empty() ? bucket_of(address_buckets_, address, limits_.requests_per_address_per_s, now)
                                  : bucket_of(client_buckets_, client, limits_.requests_per_client_per_s, now);
  if (bucket.requests < 1) return false;
  bucket.requests -= 1;
  return true;
}

void HttpGate::stranger_left(const std::string& address) {
  const auto count = strangers_.find(address);
  if (count != strangers_.end() && --count->second == 0) strangers_.erase(count);
}

bool HttpGate::strangers_full(const std::string& address) const {
  const auto count = strangers_.find(address);
  return count != strangers_.end() && count->second >= limits_.connections_per_address_max;
}

bool HttpGate::take_connection(const std::string& client) {
  Use& use = clients_[client];
  if (use.connections >= limits_.connections_per_client_max) return false;
  ++use.connections;
  return true;
}

void HttpGate::give_back_connection(const std::string& client) {
  --clients_[client].connections;
  forget_unused(client);
}

bool HttpGate::take_answer(const std::string& client) {
  Use& use = clients_[client];
  if (use.answers >= limits_.requests_per_client_max) return false;
  ++use.answers;
  return true;
}

void HttpGate::give_back_answer(const std::string& client) {
  --clients_[client].answers;
  forget_unused(client);
}

bool HttpGate::take_body(const std::string& client, std::size_t bytes) {
  Use& use = clients_[client];
  if (bytes > limits_.bodies_per_client_bytes_max - std::min(use.body_bytes, limits_.bodies_per_client_bytes_max))
    return false;
  use.body_bytes += bytes;
  return true;
}

void HttpGate::give_back_body(const std::string& client, std::size_t bytes) {
  clients_[client].body_bytes -= bytes;
  forget_unused(client);
}

void HttpGate::forget_unused(const std::string& client) {
  const auto use = clients_.find(client);
  if (use != clients_.end() && use->second.connections + use->second.answers + use->second.body_bytes == 0)
    clients_.erase(use);
}

}  // namespace framemill::net
