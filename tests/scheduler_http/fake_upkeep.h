// An UpkeepPort that answers what a test put into it and notes who asked. For tests.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "scheduler/http/upkeep_port.h"

namespace framemill::scheduler::testing {

struct FakeUpkeep : UpkeepPort {
  mutable std::mutex mutex;        // guards what follows
  std::vector<std::string> asked;  // "backup by root"
  std::vector<ReloadedFile> files{{"worker keys", "/etc/framemill/workers.keys", 3, {}},
                                  {"tokens", "/etc/framemill/tokens.toml", 2, {}}};
  base::Result<StoreCopy> copy =
      StoreCopy{"/var/backups/jobs.db", 4096, 41, 40, 400, base::WallTime{1'795'305'600'000}};
  StoreFigures now{41, 30, 40, 500, 350, 8192, 1, false, std::nullopt, ""};

  void reload(const std::string& principal, Reply<std::vector<ReloadedFile>> reply) override {
    const std::lock_guard lock(mutex);
    asked.push_back("reload by " + principal);
    reply(files);
  }
  void copy_store(const std::string& principal, Copy what, Reply<StoreCopy> reply) override {
    const std::lock_guard lock(mutex);
    asked.push_back((what == Copy::Keep ? "backup by " : "verify by ") + principal);
    base::Result<StoreCopy> made = copy;
    if (made.ok() && what == Copy::CheckAlone) made->file.clear();
    reply(std::move(made));
  }
  StoreFigures figures() const override {
    const std::lock_guard lock(mutex);
    return now;
  }
};

}  // namespace framemill::scheduler::testing
