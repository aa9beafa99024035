// A small job of every kind, planned for real: two boards, a chain that starts from the second, a movie, a sheet.
#pragma once

#include <memory>
#include <string>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler::test {

struct SampleChoices {
  std::uint32_t version = 1;
  std::string prompt = "hills";
  std::uint64_t seed = 1;
  std::uint32_t steps = 4;
  std::string model_bytes = "weights";
};

JobRecord sample_job(const SampleChoices& choices = {});

// A job of these [[layer]] tables, in TOML; the package is model@1 with windows of 16 frames and a context of 4.
JobRecord job_of(const std::string& layers);

}  // namespace framemill::scheduler::test
