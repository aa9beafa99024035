#include "scheduler/http/sessions.h"

#include <algorithm>
#include <span>

#include "base/file.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kSecretBytes = 32;

std::string random_hex() {
  const std::string bytes = base::random_bytes(kSecretBytes);
  return base::to_hex(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace

SessionTable::Opened SessionTable::open(const base::Sha256& token, base::WallTime now) {
  while (!order_.empty() && now >= sessions_.at(order_.front().id).expires) close(order_.front().id);
  const auto of_token = [&](const Place& place) { return place.token == token; };
  const auto count = static_cast<std::size_t>(std::count_if(order_.begin(), order_.end(), of_token));
  if (count >= kSessionsPerTokenMax)
    close(std::find_if(order_.begin(), order_.end(), of_token)->id);
  else if (order_.size() >= kSessionsMax)
    close(order_.front().id);
  Opened opened;
  opened.secret = random_hex();
  opened.session = {base::sha256(opened.secret), token, random_hex(), {now.unix_ms + kLifetime.ms}};
  sessions_.emplace(opened.session.id, opened.session);
  order_.push_back({opened.session.id, token});
  return opened;
}

const Session* SessionTable::find(std::string_view secret, base::WallTime now) const {
  if (secret.size() != 2 * kSecretBytes) return nullptr;
  const auto found = sessions_.find(base::sha256(secret));
  return found == sessions_.end() || now >= found->second.expires ? nullptr : &found->second;
}

const Session* SessionTable::find_by_id(const base::Sha256& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

void SessionTable::close(const base::Sha256& id) {
  const base::Sha256 closed = id;  // it may be a part of what goes
  sessions_.erase(closed);
  std::erase_if(order_, [&](const Place& place) { return place.id == closed; });
}

bool SignInGate::is_open(const std::string& network, base::Instant now) const {
  const auto found = refused_.find(network);
  return found == refused_.end() || found->second.count < kRefusedMax || now - found->second.since >= kWindow;
}

void SignInGate::note_refused(const std::string& network, base::Instant now) {
  if (refused_.size() >= kNetworksMax && !refused_.contains(network)) {
    std::erase_if(refused_, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
    if (refused_.size() >= kNetworksMax) return;  // the server's own limit per address still holds
  }
  Refused& entry = refused_[network];
  if (entry.count == 0 || now - entry.since >= kWindow) entry = {0, now};
  ++entry.count;
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

}  // namespace framemill::scheduler
