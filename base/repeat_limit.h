// Whether a line of a log is worth writing once more: each key at most once a minute, and of new keys no more than 1,024
// a minute, so that whoever knocks ten thousand times writes a few lines and not ten thousand. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/time.h"

namespace framemill::base {

class RepeatLimit {
 public:
  static constexpr std::size_t kKeysMax = 1024;

  // How often it was kept back since it was said last; nothing: keep it back now, too.
  std::optional<std::uint64_t> may_say(const std::string& key, Instant now) {
    if (now - swept_ >= kSpan) {
      swept_ = now;
      std::erase_if(keys_, [&](const auto& entry) { return now - entry.second.said >= kSpan * 2; });
    }
    const auto [entry, is_new] =
        keys_.size() < kKeysMax ? keys_.try_emplace(key, Key{now, 0}) : std::pair(keys_.find(key), false);
    if (is_new) return 0;
    if (entry == keys_.end()) return std::nullopt;
    if (now - entry->second.said < kSpan) {
      ++entry->second.kept_back;
      return std::nullopt;
    }
    return std::exchange(entry->second, Key{now, 0}).kept_back;
  }

 private:
  static constexpr Duration kSpan = seconds(60);
  struct Key {
    Instant said;
    std::uint64_t kept_back = 0;
  };
  std::unordered_map<std::string, Key> keys_;
  Instant swept_{};
};

}  // namespace framemill::base
