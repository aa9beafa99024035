// framemill db: the scheduler's job store, asked over HTTP with an administrator's token. On the scheduler's own host
// framemill-scheduler backup needs no token.
#include <fmt/format.h>

#include <ostream>

#include "cli/text.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kCopyLimit = base::seconds(6 * 3600);  // of a store of many GiB on a slow disk

base::Result<ExitCode> copy(const char* target, Session& session) {
  FM_ASSIGN(Api* server, session.api());
  server->wait_up_to(kCopyLimit);
  FM_ASSIGN(const json::value made, server->post(target, json::object()));
  JsonReader reader(made, "copy");
  const std::string file = reader.text_or_empty("file");
  const std::int64_t bytes = reader.integer("size_bytes");
  const std::string text = fmt::format("the store is intact up to batch {}: {} batches and {} commits checked\n",
                                       reader.integer("durable_sequence"), reader.integer("batches_checked"),
                                       reader.integer("commits_checked"));
  FM_TRY(reader.status());
  if (session.json()) {
    session.print_json(made);
    return ExitCode::Ok;
  }
  session.out() << text;
  if (!file.empty())
    session.out() << fmt::format("{} on the scheduler's host, {}\n", printable(file),
                                 bytes_text(static_cast<std::uint64_t>(bytes)));
  return ExitCode::Ok;
}

base::Result<ExitCode> show(Session& session) {
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value store, server->get("/api/v1/store"));
  if (session.json()) {
    session.print_json(store);
    return ExitCode::Ok;
  }
  JsonReader reader(store, "store");
  session.out() << fmt::format(
      "batch {}, {} transactions since the scheduler's start, the last took {:.1f} ms; {} in the write-ahead log\n",
      reader.integer("durable_sequence"), reader.integer("transactions"),
      static_cast<double>(reader.integer("last_commit_us")) / 1000,
      bytes_text(static_cast<std::uint64_t>(reader.integer("wal_bytes"))));
  const std::string damage = reader.text_or_empty("damage");
  if (!damage.empty()) session.out() << printable(damage) << '\n';
  FM_TRY(reader.status());
  return damage.empty() ? ExitCode::Ok : ExitCode::Server;
}

}  // namespace

void declare_db(Arguments& program) {
  Arguments group = program.group("db", "The scheduler's job store", "framemill db backup");
  Arguments backup =
      group.verb("backup", "Make a checked copy of the running scheduler's store", "framemill db backup");
  backup.run([](Session& session) { return copy("/api/v1/store/backup", session); });
  Arguments verify = group.verb("verify", "Check the running scheduler's store from end to end", "framemill db verify");
  verify.run([](Session& session) { return copy("/api/v1/store/verify", session); });
  Arguments status = group.verb("status", "Show the store's figures, and damage that was found", "framemill db status");
  status.run([](Session& session) { return show(session); });
}

}  // namespace framemill::cli
