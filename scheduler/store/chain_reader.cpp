#include "scheduler/store/chain_reader.h"

#include <fmt/format.h>

#include <string>

#include "scheduler/store/commit_parts.h"

namespace framemill::scheduler::store {

base::Result<std::map<std::uint64_t, BatchRow>> read_links(Connection& connection) {
  std::map<std::uint64_t, BatchRow> links;
  FM_ASSIGN(Statement statement, connection.prepare(select_sql<BatchesTable>("FROM batches")));
  const auto take = [&](const Statement::Rows& rows) -> base::Status {
    FM_ASSIGN(const BatchRow batch, RowReader(rows).read<BatchesTable>());
    links[batch.sequence] = batch;
    return {};
  };
  FM_TRY(statement.rows().each(take));
  return links;
}

base::Status every_commit(Connection& connection, const EpochNonces& epochs,
                          const std::function<void(const CommitRecord&, std::uint64_t)>& take) {
  FM_ASSIGN(const std::int64_t aside,
            connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'withdrawn_commits'"));
  CommitParts parts, withdrawn_parts;
  FM_TRY(parts.prepare(connection, CommitParts::Of::Commits));
  if (aside > 0) FM_TRY(withdrawn_parts.prepare(connection, CommitParts::Of::Withdrawn));

  std::string sql = fmt::format("SELECT {}, 0 FROM commits", select_list<CommitsTable>());
  if (aside > 0)
    sql +=
        fmt::format(" UNION ALL SELECT {}, 1 FROM withdrawn_commits", select_list<CommitsTable>("withdrawn_commits"));
  FM_ASSIGN(Statement statement, connection.prepare(sql + " ORDER BY sequence, job, phase, task"));
  return statement.rows().each([&](const Statement::Rows& rows) -> base::Status {
    RowReader reader(rows);
    FM_ASSIGN(CommitRow<> row, reader.read<CommitsTable>());
    FM_TRY(complete(row.commit.attempt, epochs));
    FM_TRY((reader.value<bool>() ? withdrawn_parts : parts).add(row, Reads::Include));
    take(row.commit, row.sequence);
    return {};
  });
}

base::Status every_audit(Connection& connection, const std::function<void(const AuditRecord&, std::uint64_t)>& take) {
  FM_ASSIGN(Statement statement, connection.prepare(select_sql<AuditTable>("FROM audit ORDER BY sequence, number")));
  return statement.rows().each([&](const Statement::Rows& rows) -> base::Status {
    FM_ASSIGN(const AuditRow row, RowReader(rows).read<AuditTable>());
    take(row.audit, row.sequence);
    return {};
  });
}

}  // namespace framemill::scheduler::store
