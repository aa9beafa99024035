// The parts of records that are lists or documents, as JSON text in a column. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

std::string ids_text(const std::vector<JobId>& ids);  // "[3,17]"
std::string ids_text(const std::vector<WorkerId>& ids);
std::string texts_text(const std::vector<std::string>& texts);
std::string batch_sizes_text(const std::vector<BatchSize>& sizes);  // "[[2,20],[1,3]]": windows, calls
std::string stuck_text(const std::vector<StuckLayer>& stuck);       // "[[0,1700000000000,\"oom\",\"...\"]]"
std::string packages_text(const std::vector<jobs::PackageFacts>& packages);
std::string hex_text(std::uint64_t bits);  // 16 digits

// Errors: store.corrupt, naming what was read.
base::Result<std::vector<JobId>> jobs_from(std::string_view text);
base::Result<std::vector<WorkerId>> workers_from(std::string_view text);
base::Result<std::vector<std::string>> texts_from(std::string_view text);
base::Result<std::vector<BatchSize>> batch_sizes_from(std::string_view text);
base::Result<std::vector<StuckLayer>> stuck_from(std::string_view text);
base::Result<std::vector<jobs::PackageFacts>> packages_from(std::string_view text);
base::Result<std::uint64_t> bits_from(std::string_view hex);

std::string_view outcome_name(RemakeOutcome outcome);  // "same_samples"
base::Result<RemakeOutcome> remake_outcome_from(std::string_view name);
std::string_view kind_name(jobs::PhaseKind kind);  // "denoise"
std::string_view kind_name(jobs::LayerKind kind);  // "generate"

}  // namespace framemill::scheduler::store
