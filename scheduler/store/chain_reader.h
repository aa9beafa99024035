// What the chain was made over, in its order: every commit, withdrawn ones too, and every audit row. Of stores of any
// schema, because verify looks before anything is migrated. On the thread that owns the connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/result.h"
#include "scheduler/store/record_reader.h"
#include "scheduler/store/tables.h"

namespace framemill::scheduler::store {

base::Result<std::map<std::uint64_t, BatchRow>> read_links(Connection& connection);  // by sequence

// In order of its batch, and then of its key.
base::Status every_commit(Connection& connection, const EpochNonces& epochs,
                          const std::function<void(const CommitRecord&, std::uint64_t sequence)>& take);
base::Status every_audit(Connection& connection,
                         const std::function<void(const AuditRecord&, std::uint64_t sequence)>& take);

}  // namespace framemill::scheduler::store
