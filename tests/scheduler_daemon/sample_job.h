// A small job of every kind, planned for real: two boards, a chain that starts from the second, a movie, a sheet.
#pragma once

#include <memory>
#include <string>

#include "scheduler/core/records.h"

namespace framemill::scheduler::test {

struct SampleChoices {
  std::uint32_t version = 1;
  std::string prompt = "hills";
  std::uint64_t seed = 1;
  std::uint32_t steps = 4;
  std::string model_bytes = "weights";
};

JobRecord sample_job(const SampleChoices& choices = {});

}  // namespace framemill::scheduler::test
