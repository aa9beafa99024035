#include "scheduler/store/commit_parts.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace framemill::scheduler::store {
namespace {

template <class Table>
std::string parts_sql(std::string_view table, CommitParts::Of of) {
  return fmt::format("SELECT {} FROM {} WHERE job = ? AND phase = ? AND task = ?{} ORDER BY number",
                     select_list<Table>(table), table, of == CommitParts::Of::Withdrawn ? " AND sequence = ?" : "");
}

}  // namespace

base::Status CommitParts::prepare(Connection& connection, Of of) {
  of_ = of;
  const bool aside = of == Of::Withdrawn;
  FM_ASSIGN(files_, connection.prepare(parts_sql<CommitFilesTable>(aside ? "withdrawn_files" : "commit_files", of)));
  FM_ASSIGN(reads_, connection.prepare(parts_sql<CommitReadsTable>(aside ? "withdrawn_reads" : "commit_reads", of)));
  return {};
}

template <class Table>
base::Status CommitParts::add_rows(Statement& statement, const CommitRow<>& row, const auto& take) {
  const PhaseId phase = row.commit.phase;
  Statement::Rows rows = of_ == Of::Commits
                             ? statement.rows(phase.job.value, phase.index, row.commit.task)
                             : statement.rows(phase.job.value, phase.index, row.commit.task, row.sequence);
  return rows.each([&](const Statement::Rows& each) -> base::Status {
    FM_ASSIGN(auto part, RowReader(each).template read<Table>());
    take(std::move(part));
    return {};
  });
}

base::Status CommitParts::add(CommitRow<>& row, Reads reads) {
  if (row.files > 0)
    FM_TRY(add_rows<CommitFilesTable>(files_, row,
                                      [&](CommitFileRow<> part) { row.commit.files.push_back(std::move(part.file)); }));
  if (reads == Reads::Include && row.reads > 0)
    FM_TRY(add_rows<CommitReadsTable>(reads_, row,
                                      [&](CommitReadRow<> part) { row.commit.reads.push_back(std::move(part.read)); }));
  return {};
}

}  // namespace framemill::scheduler::store
