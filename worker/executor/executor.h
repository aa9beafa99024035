// The executor as a function: reads its configuration from the worker's pipe, says that it is ready, and works until it
// is told to end or the worker is gone. The program calls it with LibTorch behind the engine; tests call it, in a
// process of their own, with an engine that misbehaves on purpose.
#pragma once

#include "worker/executor/engine.h"

namespace framemill::worker {

// Returns the exit status (wire/executor_exit.h). `descriptor`: the inherited socket.
int run_executor(int descriptor, Engine& engine);

}  // namespace framemill::worker
