// framemill sheet JOB: a contact sheet of a job's frames, drawn on this host by framemill-media.
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <ostream>

#include "base/file.h"
#include "cli/child_process.h"
#include "cli/output_file.h"
#include "cli/sheet_request.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kFramesMax = 200'000;
constexpr base::Duration kDrawingLimit = base::seconds(600);
constexpr std::uint64_t kSheetBytesMax = std::uint64_t{1} << 30;

struct Options {
  std::string job, out, layer;
  std::vector<std::string> roots;
  std::optional<std::int64_t> every, tile;
};

// A private directory that is gone afterwards.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "framemill-sheet-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Where this host has the roots: --root, then the settings, then what the scheduler says of itself if it is this host.
base::Result<std::map<std::string, std::string>> find_roots(const Options& options, Session& session, Api& server) {
  std::map<std::string, std::string> roots;
  std::error_code ignored;
  FM_ASSIGN(const json::value answer, server.get("/api/v1/roots"));
  JsonReader reader(answer, "list of roots");
  for (const json::value& item : reader.list("items")) {
    JsonReader root(item, "root");
    const std::string name = root.text("name"), path = root.text_or_empty("path");
    FM_TRY(root.status());
    if (!path.empty() && fs::exists(fs::path(path) / ".framemill-root", ignored)) roots[name] = path;
  }
  FM_TRY(reader.status());
  FM_ASSIGN(const Settings settings, session.settings());
  for (const auto& [name, path] : settings.roots) roots[name] = path.string();
  for (const std::string& text : options.roots) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      return base::Error{
          "usage.root", fmt::format("--root '{}' is not of the form name=path", printable(text)), "--root", {}};
    const std::string name = text.substr(0, equals), path = text.substr(equals + 1);
    if (!fs::exists(fs::path(path) / ".framemill-root", ignored))
      return base::Error{"usage.root",
                         fmt::format("{} is not a root of the farm: it has no .framemill-root", printable(path)),
                         "--root", fmt::format("give the directory where this host has root {}", printable(name))};
    roots[name] = path;
  }
  return roots;
}

base::Result<std::vector<FrameView>> fetch_frames(const Options& options, Session& session, Api& server) {
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/frames"));
  FM_ASSIGN(const json::array items, server.get_pages(target + query_text({{"layer", options.layer}}), kFramesMax));
  std::vector<FrameView> frames;
  for (const json::value& item : items) {
    FM_ASSIGN(FrameView frame, read_frame(item));
    frames.push_back(std::move(frame));
  }
  return frames;
}

base::Status check_roots(const std::vector<FrameView>& frames, const std::map<std::string, std::string>& roots) {
  for (const FrameView& frame : frames) {
    if (frame.kind != "frame") continue;
    const std::string hint = fmt::format("give --root {}=PATH, or set it under [roots] in config.toml", frame.root);
    const auto root = roots.find(frame.root);
    if (root == roots.end())
      return base::Error{"sheet.root", fmt::format("this host does not know where the root '{}' is", frame.root),
                         "--root", hint};
    std::error_code ignored;
    if (!fs::is_directory(root->second, ignored))
      return base::Error{
          "sheet.root",
          fmt::format("the root '{}': {} is not a directory on this host", frame.root, printable(root->second)),
          "--root", hint};
  }
  return {};
}

base::Status draw(const std::string& request, const std::map<std::string, std::string>& roots, const std::string& out,
                  Session& session) {
  const Scratch scratch;
  if (scratch.path().empty()) return base::Error{"file.open", "no temporary directory can be made", {}, {}};
  const fs::path file = scratch.path() / "request";
  FM_TRY(base::write_file_durably(file, request, 0600));
  std::vector<std::string> argv{sibling_program(session.host().program_directory, "framemill-media").string(), "sheet",
                                file.string(), "--staging", scratch.path().string()};
  for (const auto& [name, path] : roots) {
    argv.emplace_back("--root");
    argv.push_back(name + "=" + path);
  }
  FM_ASSIGN(const ChildResult result, run_child(argv, kDrawingLimit, session.host().keep_going));
  if (result.exit_status != 0) {
    std::string said = result.output;
    while (!said.empty() && said.back() == '\n') said.pop_back();
    return base::Error{"sheet.drawing", fmt::format("framemill-media: {}", said.substr(said.rfind('\n') + 1)), {}, {}};
  }
  FM_ASSIGN(const std::string picture, base::read_file(scratch.path() / "0" / kSheetFileName, kSheetBytesMax));
  return write_output_file(out, picture);
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const std::int64_t every = options.every.value_or(8), tile = options.tile.value_or(192);
  if (every < 1 || every > 1'000'000) return base::Error{"usage.every", "--every must be at least 1", "--every", {}};
  if (tile < 64 || tile > 1024) return base::Error{"usage.tile", "--tile must be 64 to 1024", "--tile", {}};
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const std::string job_target, session.job_target(options.job));
  FM_ASSIGN(const json::value job_answer, server->get(job_target));
  FM_ASSIGN(const JobView job, read_job(job_answer));
  FM_ASSIGN(const json::value plan, server->get(job_target + "/plan"));
  FM_ASSIGN(const std::vector<FrameView> frames, fetch_frames(options, session, *server));
  FM_ASSIGN(const auto roots, find_roots(options, session, *server));
  FM_TRY(check_roots(frames, roots));
  FM_ASSIGN(const std::string request, sheet_request(plan, frames, {every, tile, job.show, options.layer}));
  FM_TRY(draw(request, roots, options.out, session));
  if (session.json())
    session.print_json(json::object{{"job", job.id}, {"file", options.out}});
  else
    session.out() << options.out << '\n';
  return ExitCode::Ok;
}

}  // namespace

void declare_sheet(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("sheet", "Draw a contact sheet of a job's frames on this host",
                                "framemill sheet last -o sheet.png --root main=/mnt/frames");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.required_option("-o,--out", options->out, "FILE", "The picture to write, PNG");
  verb.option("--root", options->roots, "NAME=PATH", "Where this host has a root; repeatable");
  verb.option("--layer", options->layer, "NAME", "Only this layer");
  verb.option("--every", options->every, "N", "Every N-th frame of a shot (8)");
  verb.option("--tile", options->tile, "PIXELS", "Least width of a tile (192)");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
