// [shares] of scheduler.toml: see configs/scheduler.toml for its keys.
#pragma once

#include "config/settings.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

void read_shares(config::SettingsTable& table, ShareSettings& shares);

}  // namespace framemill::scheduler
