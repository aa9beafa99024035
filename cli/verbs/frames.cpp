// framemill frames JOB: the files a job has made, with their digests.
#include <fmt/format.h>

#include <map>
#include <ostream>

#include "cli/output_file.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kFramesMax = 1'000'000;
constexpr std::size_t kDigestDigits = 12;  // enough to tell files apart by eye; --json has all

struct Options {
  std::string job, layer, manifest;
  std::optional<std::int64_t> variant, limit;
  bool paths = false, sums = false;
};

// "boards" -> "demo-clips@1" for the layers of a canonical spec that name a model.
base::Result<std::map<std::string, std::string>> models_by_layer(const json::value& spec) {
  std::map<std::string, std::string> models;
  JsonReader reader(spec, "spec");
  for (const json::value& item : reader.list("layer")) {
    JsonReader layer(item, "layer");
    const std::string name = layer.text("name"), model = layer.text_or_empty("model");
    FM_TRY(layer.status());
    if (!model.empty()) models[name] = model;
  }
  FM_TRY(reader.status());
  return models;
}

base::Result<json::array> fetch(const Options& options, Session& session) {
  const std::int64_t limit = options.limit.value_or(kFramesMax);
  if (limit < 1 || limit > static_cast<std::int64_t>(kFramesMax))
    return base::Error{"usage.limit", "--limit must be 1 to 1000000", "--limit", {}};
  const std::string query =
      query_text({{"layer", options.layer}, {"variant", options.variant ? std::to_string(*options.variant) : ""}});
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/frames" + query));
  FM_ASSIGN(Api* server, session.api());
  return server->get_pages(target, static_cast<std::size_t>(limit));
}

// What stands beside the frames for those who come later: each file with its digests, its model and its seed.
base::Result<ExitCode> write_manifest(const Options& options, const json::array& items, Session& session) {
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/plan"));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value plan, server->get(target));
  JsonReader reader(plan, "plan");
  json::object manifest{{"job", reader.integer("job")},
                        {"version", reader.integer("version")},
                        {"plan_digest", reader.text("plan_digest")},
                        {"models", reader.list("models")}};
  FM_ASSIGN(const auto model_of, models_by_layer(reader.field("spec")));
  FM_TRY(reader.status());
  json::array files;
  for (const json::value& item : items) {
    FM_ASSIGN(const FrameView frame, read_frame(item));
    if (frame.state != "published") continue;
    const auto model = model_of.find(frame.layer);
    files.push_back(json::object{
        {"file", frame.path},
        {"root", frame.root},
        {"layer", frame.layer},
        {"variant", frame.variant},
        {"frame", frame.frame ? json::value(*frame.frame) : json::value()},
        {"seed", frame.seed ? json::value(*frame.seed) : json::value()},
        {"seed_text", frame.seed ? json::value(std::to_string(*frame.seed)) : json::value()},
        {"model", model == model_of.end() ? json::value() : json::value(model->second)},
        {"size_bytes", frame.size_bytes},
        {"sha256", frame.sha256},
        {"samples_sha256", frame.samples_sha256.empty() ? json::value() : json::value(frame.samples_sha256)}});
  }
  const std::size_t count = files.size();
  manifest["files"] = std::move(files);
  FM_TRY(write_output_file(options.manifest, json::serialize(manifest) + "\n"));
  if (session.json())
    session.print_json(json::object{{"manifest", options.manifest}, {"files", count}});
  else
    session.out() << fmt::format("{}: {}\n", printable(options.manifest),
                                 counted(static_cast<std::int64_t>(count), "file"));
  return ExitCode::Ok;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const json::array items, fetch(options, session));
  if (!options.manifest.empty()) return write_manifest(options, items, session);
  if (session.json()) {
    session.print_json(json::object{{"items", items}});
    return ExitCode::Ok;
  }
  Table table({{"LAYER"},
               {"VAR", Align::Right},
               {"FRAME", Align::Right},
               {"STATE"},
               {"SIZE", Align::Right},
               {"SHA-256"},
               {"FILE", Align::Left, true}});
  for (const json::value& item : items) {
    FM_ASSIGN(const FrameView frame, read_frame(item));
    if (options.paths)
      session.out() << frame.path << '\n';
    else if (options.sums)
      session.out() << frame.sha256 << "  " << frame.path << '\n';
    else
      table.add({frame.layer, std::to_string(frame.variant), frame.frame ? std::to_string(*frame.frame) : "-",
                 frame.state, bytes_text(static_cast<std::uint64_t>(frame.size_bytes)),
                 frame.sha256.substr(0, kDigestDigits), frame.root + ":" + frame.path});
  }
  if (options.paths || options.sums) return ExitCode::Ok;
  session.out() << (table.empty() ? std::string("no frames yet\n") : table.text(session.terminal()));
  return ExitCode::Ok;
}

}  // namespace

void declare_frames(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("frames", "List the files a job has made", "framemill frames last --layer hb_0010 --sums");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--variant", options->variant, "N", "Only this variant, counted from 0");
  verb.option("--limit", options->limit, "N", "At most N files");
  verb.option("--manifest", options->manifest, "FILE", "Write a JSON manifest of the published files");
  verb.flag("--paths", options->paths, "Print only the paths, relative to their root");
  verb.flag("--sums", options->sums, "Print lines for sha256sum -c, to be run in the root");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
