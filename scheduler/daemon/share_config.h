// [shares] of scheduler.toml: see configs/scheduler.toml for its keys.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "config/settings.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

// Its keys as the file would have them: table, key, value.
std::vector<std::array<std::string, 3>> shown_shares(const ShareSettings& shares);
void read_shares(config::SettingsTable& table, ShareSettings& shares);

}  // namespace framemill::scheduler
