// What came out when a published task was made again, against what is on record. Pure.
#pragma once

#include <string>

#include "scheduler/core/state/job_book.h"

namespace framemill::scheduler {

// What the files came out as, compared with the record; Open before they are made. Never Replaced.
RemakeOutcome compared(const RemakeRecord& remade);
// "a/b.1003.png is on record with SHA-256 ..., and came out with ...": of the first file that differs.
std::string digests_text(const RemakeRecord& remade);
// For people: what differs, and what to do.
std::string other_contents_text(const JobEntry& remake, const PhaseEntry& phase, TaskIndex task);

}  // namespace framemill::scheduler
