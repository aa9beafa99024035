// Which jobs a verb is for, as flags: what `framemill jobs` lists, and what cancel, pause, resume and priority change
// where they are given no job. The scheduler selects; the flags are its parameters.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/arguments.h"

namespace framemill::cli {

struct JobSelection {
  std::string user, show, sequence, shot, state, tag, text, since;
  bool empty() const;
};

void declare_selection(Arguments& verb, JobSelection& selection);
// The scheduler's parameters with their values, those that were given. Errors: usage.since.
base::Result<std::vector<std::pair<std::string, std::string>>> parameters_of(const JobSelection& selection);

struct ChangeOfMany {
  JobSelection selection;
  bool dry_run = false, yes = false;
};
void declare_change_of_many(Arguments& verb, ChangeOfMany& many);
// Says what would be changed, asks where somebody sits at a terminal, and changes it. `verb`: of /api/v1/bulk/; `body`:
// what goes along with the selection; `said`: the past participle for people.
base::Result<ExitCode> change_many(Session& session, const ChangeOfMany& many, const std::string& verb,
                                   json::object body, const std::string& said);
// usage.job, usage.selection: a job or a selection, and not both.
base::Status one_or_many(const std::string& job, const ChangeOfMany& many);

}  // namespace framemill::cli
