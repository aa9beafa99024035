// Where LibTorch's exceptions end: they become errors that the executor has an outcome for.
#pragma once

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "base/result.h"
#include "jobs/attempt_error.h"

namespace framemill::gpu {

// Calls `function`, which returns a base::Status or base::Result, without gradients. `what`: what was being tried.
// Errors: gpu.out_of_memory, gpu.device.
template <class Function>
auto guarded(const char* what, Function&& function) -> decltype(function()) {
  try {
    at::NoGradGuard no_grad;
    return function();
  } catch (const c10::OutOfMemoryError& error) {
    return base::error_of(jobs::AttemptError::OutOfMemory, std::string(what) + ": " + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return base::error_of(jobs::AttemptError::OutOfMemory, std::string(what) + ": the host is out of memory");
  } catch (const std::exception& error) {
    return base::error_of(jobs::AttemptError::Device, std::string(what) + ": " + error.what());
  }
}

}  // namespace framemill::gpu
