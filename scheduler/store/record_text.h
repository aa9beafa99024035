// Members of records that are text in a column: lists and documents as JSON, enumerators by their names. columns.h picks
// the overload by the member's type. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

std::string column_text(const std::vector<JobId>& ids);  // "[3,17]"
std::string column_text(const std::vector<WorkerId>& ids);
std::string column_text(const std::vector<std::string>& texts);
std::string column_text(const std::vector<BatchSize>& sizes);  // "[[2,20],[1,3]]": windows, calls
std::string column_text(const std::vector<Hold>& holds);  // "[[\"pause\",\"ana\",1700000000000,\"...\",0]]": until last
std::string column_text(const std::vector<AwaitedJob>& awaits);  // "[[12,\"done\"],[14,\"over\"]]"
std::string column_text(const std::vector<StuckLayer>& stuck);   // "[[0,1700000000000,\"oom\",\"...\"]]"
std::string column_text(const FileWaits& waits);  // "[12000,[0,4,500,1700000000000]]": clock, then spans and since when
std::string column_text(const std::vector<jobs::PackageFacts>& packages);
std::string column_text(const AttemptId& attempt);  // empty: none
std::string hex_text(std::uint64_t bits);           // 16 digits

// Enumerators by their names: "running", "denoise", "bad_output", "same_samples".
std::string_view column_text(jobs::JobState state);
std::string_view column_text(jobs::PhaseState state);
std::string_view column_text(jobs::Outcome outcome);
std::string_view column_text(jobs::PhaseKind kind);
std::string_view column_text(jobs::LayerKind kind);
std::string_view column_text(RemakeOutcome outcome);

// And back. Errors: store.corrupt, naming what was read.
base::Status from_column(std::string_view text, std::vector<JobId>& ids);
base::Status from_column(std::string_view text, std::vector<WorkerId>& ids);
base::Status from_column(std::string_view text, std::vector<std::string>& texts);
base::Status from_column(std::string_view text, std::vector<BatchSize>& sizes);
base::Status from_column(std::string_view text, std::vector<Hold>& holds);
base::Status from_column(std::string_view text, std::vector<AwaitedJob>& awaits);
base::Status from_column(std::string_view text, std::vector<StuckLayer>& stuck);
base::Status from_column(std::string_view text, FileWaits& waits);
base::Status from_column(std::string_view text, std::vector<jobs::PackageFacts>& packages);
base::Status from_column(std::string_view text, AttemptId& attempt);
base::Status from_column(std::string_view text, jobs::JobState& state);
base::Status from_column(std::string_view text, jobs::PhaseState& state);
base::Status from_column(std::string_view text, jobs::Outcome& outcome);
base::Status from_column(std::string_view text, RemakeOutcome& outcome);
base::Result<std::uint64_t> bits_from(std::string_view hex);

}  // namespace framemill::scheduler::store
