// What keeps the scheduler's process in order beside its work: key files that are read again, copies of the store that
// are made, checked and rotated. Asked from the HTTP thread and by signals; reads files and changes keys on the loop's
// thread, checks copies on one of its own.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/curve_keys.h"
#include "net/event_loop.h"
#include "scheduler/daemon/config.h"
#include "scheduler/http/tokens.h"
#include "scheduler/http/upkeep_port.h"
#include "scheduler/store/store.h"

namespace framemill::scheduler {

class Upkeep final : public UpkeepPort {
 public:
  struct Parts {  // of the process; all outlive it; called on the loop's thread, but `counters` on any
    net::EventLoop& loop;
    std::function<void(std::vector<net::CurvePublicKey>)> use_workers;
    std::function<void(TokenTable)> use_tokens;
    std::function<base::Status(std::filesystem::path, std::function<void(base::Result<std::uint64_t>)>)> copy_store;
    std::function<store::StoreCounters()> counters;
    std::function<void(const std::string&)> say_status;  // for the service manager
  };
  Upkeep(Parts parts, const SchedulerConfig& config);
  ~Upkeep() override;

  // Reads every file again that can be; each stands for itself. Loop thread.
  std::vector<ReloadedFile> reload_now(const std::string& who);
  // Ends a check at work; nothing is answered afterwards. Before the HTTP side goes.
  void close();

  void reload(const std::string& principal, Reply<std::vector<ReloadedFile>> reply) override;
  void copy_store(const std::string& principal, Copy copy, Reply<StoreCopy> reply) override;
  StoreFigures figures() const override;

 private:
  void start_copy(const std::string& principal, Copy copy, Reply<StoreCopy> reply);
  void check_copy(const std::filesystem::path& file, std::uint64_t size_bytes, base::WallTime time, Copy copy,
                  const Reply<StoreCopy>& reply);  // its own thread
  base::Result<StoreCopy> judge(const std::filesystem::path& file, std::uint64_t size_bytes, base::WallTime time,
                                Copy copy);

  Parts parts_;
  const SchedulerConfig config_;
  const std::filesystem::path backups_;

  mutable std::mutex mutex_;  // guards the next three
  bool copying_ = false, closed_ = false;
  std::optional<StoreCopy> last_copy_;
  std::string damage_;

  std::atomic<bool> give_up_{false};
  std::thread checker_;  // started and joined on the loop's thread
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// "workers.keys: 3 keys; tokens.toml refused: line 4: ..." for logs and the unit's status.
std::string reload_text(const std::vector<ReloadedFile>& files);
bool reloaded_whole(const std::vector<ReloadedFile>& files);

}  // namespace framemill::scheduler
