// framemill clone JOB: submits the spec of a job again, as it was accepted, with the changes of --set.
#include <fmt/format.h>

#include <ostream>

#include "cli/diagnostics.h"
#include "cli/never_runs.h"
#include "cli/spec_source.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string job, reason;
  std::vector<std::string> set;
  bool print = false, quiet = false;
};

// The seeds of a layer as its first one and a count, where they follow each other: --set changes either then. As a list
// they would contradict a `seed`.
void shorten_variants(json::object& layer) {
  const json::value* variants = layer.if_contains("variants");
  const json::array* seeds = variants == nullptr ? nullptr : variants->if_array();
  if (seeds == nullptr || seeds->empty()) return;
  const std::int64_t* first = seeds->front().if_int64();
  if (first == nullptr) return;
  for (std::size_t i = 0; i < seeds->size(); ++i) {
    const std::int64_t* seed = (*seeds)[i].if_int64();
    if (seed == nullptr || *seed - static_cast<std::int64_t>(i) != *first) return;
  }
  const std::int64_t seed = *first;
  const auto count = static_cast<std::int64_t>(seeds->size());
  layer["seed"] = seed;
  layer["variants"] = count;
}

// As it was accepted, but for the version: that one is taken.
base::Result<json::object> spec_of(Session& session, const std::string& job) {
  FM_ASSIGN(const std::string target, session.job_target(job, "/plan"));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value plan, server->get(target));
  JsonReader reader(plan, "plan");
  const json::object* found = reader.field("spec").if_object();
  FM_TRY(reader.status());
  if (found == nullptr) return base::Error{"http.bad_reply", "the server's plan has no spec", {}, {}};
  json::object spec = *found;
  spec.erase("version");
  if (json::value* layers = spec.if_contains("layer"); layers != nullptr && layers->is_array())
    for (json::value& layer : layers->get_array())
      if (layer.is_object()) shorten_variants(layer.get_object());
  return spec;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const jobs::SpecOverrides overrides, parse_overrides(options.set));
  FM_ASSIGN(const json::object spec, spec_of(session, options.job));
  if (options.print) {
    if (!overrides.empty())
      return base::Error{"usage.print", "--print shows the spec as it is, without --set", "--print", {}};
    session.print_json(spec);
    return ExitCode::Ok;
  }
  const std::string text = json::serialize(spec);
  const std::string reason = options.reason.empty() ? fmt::format("clone of job {}", options.job) : options.reason;
  json::array pairs;
  for (const auto& [key, value] : overrides) pairs.push_back(json::array{key, value});
  FM_ASSIGN(Api* server, session.api());
  const auto answer = server->post(
      "/api/v1/jobs", json::object{{"spec", text}, {"format", "json"}, {"overrides", pairs}, {"reason", reason}});
  if (!answer.ok()) {
    if (server->last_spec_errors().empty()) return answer.error();
    session.err() << diagnostics_text(spec_errors_from_json(server->last_spec_errors()), "job " + options.job, text,
                                      session.terminal());
    return ExitCode::Usage;
  }
  JsonReader reader(*answer, "submitted");
  const std::int64_t job = reader.integer("job"), version = reader.integer("version");
  FM_TRY(reader.status());
  if (session.json())
    session.print_json(*answer);
  else if (options.quiet)
    session.out() << job << '\n';
  else
    session.out() << fmt::format("job {} submitted, version {} of its shots\n  watch it: framemill follow {}\n", job,
                                 version, job)
                  << never_runs_text(session, job);
  return ExitCode::Ok;
}

}  // namespace

void declare_clone(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("clone", "Submit the spec of a job again, with changes",
                                "framemill clone 12 --set layer.boards.seed=7");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--set", options->set, "KEY=VALUE", "Change a key of the spec; repeatable");
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.flag("--print", options->print, "Print the spec as JSON and submit nothing");
  verb.flag("-q,--quiet", options->quiet, "Print only the job ID");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
