// The executor's heart: one thread that owns the models and the windows in flight and, turn by turn, takes messages,
// hands file work to the lanes of its roots, begins windows, advances one batch by one step, and tells the worker.
// Windows join, leave and are cancelled only between two turns. It also gives the sign of life: a turn that hangs is
// seen, because no other thread speaks for it.
//
// Reading and writing each have a lane for each root (for each set of roots that one task reads): a root whose storage
// hangs stops its own tasks alone. An attempt that was given up, and only waits for a lane that hangs, ends without it.
//
// Bounds: 64 attempts, 64 windows in flight; 16 loads out at a time in each lane, and 8 writes, each of a window's latents
// or of the pictures that the decoder gives at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "gpu/batcher.h"
#include "wire/executor.pb.h"
#include "worker/executor/attempt.h"
#include "worker/executor/batch_runner.h"
#include "worker/executor/engine.h"
#include "worker/executor/inbox.h"
#include "worker/executor/lanes.h"
#include "worker/executor/model_shelf.h"
#include "worker/executor/task_files.h"
#include "worker/executor/task_writing.h"

namespace framemill::worker {

struct LoadDone {
  std::string lane;
  std::uint64_t attempt = 0;  // Attempt::number
  jobs::TaskIndex task = 0;
  base::Result<LoadedInputs> inputs;
};
struct WriteDone {
  std::string lane;
  std::uint64_t attempt = 0;
  jobs::TaskIndex task = 0;
  Written written;
};
struct PipeClosed {
  base::Status why;  // ok: the worker closed it
};
using Message = std::variant<wire::ToExecutor, LoadDone, WriteDone, PipeClosed>;

class StepLoop {
 public:
  static constexpr std::size_t kAttemptsMax = 64;
  static constexpr std::size_t kWindowsMax = 64;
  static constexpr std::size_t kLoadsMax = 16;
  static constexpr std::size_t kWritesMax = 8;
  static constexpr std::chrono::milliseconds kAliveEvery{500};
  static constexpr std::chrono::milliseconds kProgressEvery{100};
  static constexpr std::chrono::milliseconds kInputRetryEvery{250};
  static constexpr std::chrono::seconds kInputPatience{5};
  static constexpr std::chrono::seconds kLaneHangsAfter{10};

  using Send = std::function<base::Status(const wire::FromExecutor&)>;
  StepLoop(Engine& engine, const wire::Configure& configure, Inbox<Message>& inbox, Send send);

  ~StepLoop();

  int run();  // the process's exit status

 private:
  using AttemptList = std::vector<std::unique_ptr<Attempt>>;
  // The lanes' way back. A job that outlives the loop finds it closed.
  struct Door {
    std::mutex mutex;
    Inbox<Message>* inbox = nullptr;
    void put(Message message);
  };

  // Messages (step_loop.cpp)
  void on(wire::ToExecutor message);
  void on(LoadDone done);
  void on(WriteDone done);
  void on(PipeClosed closed);
  void start(const wire::StartAttempt& start);
  void cancel(const wire::CancelAttempt& cancel);
  void end_attempt(Attempt& attempt, AttemptEnd end);
  void finish();
  void settle();
  void tell(const wire::FromExecutor& message);
  void tell_ended(const wire::AttemptId& id, const AttemptEnd& end, const wire::Usage& usage);
  struct Activity {
    std::string detail;  // for people: "decoding"; empty while steps run
    bool loading_model = false;
  };
  void tell_progress(Attempt& attempt, const TaskInFlight* task, std::size_t batch, const Activity& activity, bool now);
  void tell_alive(bool now);
  gpu::GeneratorHooks hooks();
  void tell_moves();
  void leave_hanging(Attempt& attempt);
  std::chrono::milliseconds patience() const;
  Attempt* find(std::uint64_t number);
  Attempt* find(const wire::AttemptId& id);

  // Work (step_loop_work.cpp)
  void take_tasks();
  void take_tasks_of(Attempt& attempt);
  void load(TaskInFlight& task);
  void begin_windows();
  bool begin(Attempt& attempt, TaskInFlight& task);
  bool run_batch();
  void step(Model& model, std::span<TaskInFlight* const> batch);
  void decode(Model& model, std::span<TaskInFlight* const> batch);
  void take_pictures(TaskInFlight& task, gpu::ImageBlock pictures);
  void finish_window(TaskInFlight& task);
  void post_write(TaskInFlight& task, std::function<Written()> act);
  void fail(TaskInFlight& task, const base::Error& error);
  std::vector<TaskInFlight*> runnable();
  std::size_t running_in(const std::string& group) const;
  std::size_t jobs_out(const std::string& lane) const;
  bool may_load(const TaskInFlight& task) const;
  bool may_write(const Attempt& attempt) const;
  void job_done(const std::string& lane);

  const gpu::DeviceSpec device_;
  Inbox<Message>& inbox_;
  Send send_;
  std::shared_ptr<const frames::Roots> roots_;
  ModelShelf shelf_;
  BatchRunner runner_;
  gpu::Batcher batcher_;
  AttemptList attempts_;
  Attempt* at_work_ = nullptr;                   // whose call a generator is in; else the newest that loads its model
  std::uint64_t clock_ = 0;                      // numbers attempts and beginnings
  std::map<std::string, std::size_t> jobs_out_;  // by lane
  std::uint64_t batches_ = 0, batches_told_ = 0;
  bool finishing_ = false;
  std::optional<int> exit_status_;
  Clock::time_point last_alive_{};
  std::shared_ptr<Door> door_;
  Lanes lanes_;
};

// Names of lanes.
std::string write_lane(const Attempt& attempt);
std::string load_lane(const TaskInFlight& task);

gpu::DeviceSpec device_of(const wire::Configure& configure);

}  // namespace framemill::worker
