// framemill model import and remove: packages made of what people download, and taken away again.
#include "cli/verbs/model_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <ostream>

#include "base/nearest.h"
#include "cli/live_display.h"
#include "cli/table.h"
#include "models/import/import.h"
#include "models/import/remove_package.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeyWidth = 22;
constexpr int kBarCells = 30;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

struct ImportOptions {
  std::vector<std::string> sources;
  std::string name, into, licence, compute;
  bool copy = false, link = false, dry_run = false;
};

base::Result<models::ImportRequest> request_of(const ImportOptions& options, Session& session) {
  models::ImportRequest request;
  if (options.copy && options.link)
    return base::Error{"usage.transfer", "--copy and --link exclude each other", "--link", "give one of them"};
  request.transfer = options.copy   ? models::Transfer::Copy
                     : options.link ? models::Transfer::SymbolicLink
                                    : models::Transfer::HardLink;
  request.sources.assign(options.sources.begin(), options.sources.end());
  request.id = options.name;
  request.licence = options.licence;
  if (options.compute == "bf16")
    request.compute = models::ComputeDtype::Bf16;
  else if (options.compute == "f32")
    request.compute = models::ComputeDtype::F32;
  else if (!options.compute.empty())
    return base::Error{"usage.compute", fmt::format("\"{}\" is not a precision", printable(options.compute)),
                       "--compute", "bf16 or f32"};
  if (options.into.empty()) {
    FM_ASSIGN(const auto roots, package_roots({}, session));
    request.into = roots.front();
  } else {
    request.into = options.into;
  }
  return request;
}

// One line that is drawn over: how much of all bytes was read, and how fast.
class ImportDisplay {
 public:
  ImportDisplay(Session& session, std::uint64_t bytes)
      : session_(session), bytes_(std::max<std::uint64_t>(bytes, 1)), display_(session.out()) {}

  void draw(std::uint64_t done, std::string_view file) {
    const auto now = Clock::now();
    if (drawn_ && now - last_ < kRedrawEvery && done < bytes_) return;
    drawn_ = true;
    last_ = now;
    const double part = static_cast<double>(done) / static_cast<double>(bytes_);
    const double seconds = std::max(std::chrono::duration<double>(now - start_).count(), 0.001);
    const int full = std::clamp(static_cast<int>(part * kBarCells), 0, kBarCells);
    const std::string line = fmt::format(
        "[{}{}] {:3.0f} %  {} of {}, {}/s  {}", std::string(static_cast<std::size_t>(full), '#'),
        std::string(static_cast<std::size_t>(kBarCells - full), '.'), part * 100, bytes_text(done), bytes_text(bytes_),
        bytes_text(static_cast<std::uint64_t>(static_cast<double>(done) / seconds)), printable(file));
    const auto width = static_cast<std::size_t>(std::max(session_.terminal().width, 20));
    display_.draw({cut_to(line, width, session_.terminal().utf8)}, session_.terminal().width);
  }

 private:
  Session& session_;
  std::uint64_t bytes_;
  LiveDisplay display_;
  Clock::time_point start_ = Clock::now(), last_;
  bool drawn_ = false;
};

std::string component_text(const models::PlannedComponent& component, const models::Component& stated) {
  std::string text = stated.architecture;
  if (component.tensors > 0)
    text += fmt::format(", {}, {}, computes in {}", counted(static_cast<std::int64_t>(component.tensors), "tensor"),
                        component.stored, stated.compute == models::ComputeDtype::Bf16 ? "bf16" : "f32");
  return fmt::format("{}, {} in {}", text, bytes_text(component.size_bytes),
                     counted(static_cast<std::int64_t>(component.files), "file"));
}

void print_plan(const models::ImportPlan& plan, Session& session) {
  const models::Manifest& m = plan.manifest;
  const auto row = [&session](std::string_view key, const std::string& text) {
    session.out() << pad_right(std::string(key), kKeyWidth) << printable(text) << '\n';
  };
  row("recognised", plan.layout);
  row("package", m.id() + ": " + m.title);
  row("licence", m.licence + " (" + plan.licence_source + ")");
  for (std::size_t i = 0; i < plan.components.size(); ++i)
    row(models::name(plan.components[i].role), component_text(plan.components[i], m.components[i]));
  row("window", fmt::format("{}x{}, {} frames, {} frames per second", m.width, m.height, m.window_frames, m.fps));
  row("sampler",
      fmt::format("{}, shift {}, {} steps, guidance {}", models::kSamplerKinds[static_cast<std::size_t>(m.sampler)],
                  m.noise_shift, m.default_steps, m.default_guidance));
  for (const std::string& note : plan.notes) session.out() << "note: " << printable(note) << '\n';
}

json::object plan_json(const models::ImportPlan& plan) {
  const models::Manifest& m = plan.manifest;
  json::array components;
  for (std::size_t i = 0; i < plan.components.size(); ++i) {
    const models::PlannedComponent& component = plan.components[i];
    components.push_back(json::object{{"role", models::name(component.role)},
                                      {"architecture", m.components[i].architecture},
                                      {"tensors", component.tensors},
                                      {"stored", component.stored},
                                      {"size_bytes", component.size_bytes},
                                      {"files", component.files}});
  }
  return {{"recognised", plan.layout},
          {"id", m.id()},
          {"title", m.title},
          {"licence", m.licence},
          {"licence_source", plan.licence_source},
          {"components", std::move(components)},
          {"size_bytes", plan.size_bytes},
          {"notes", json::array(plan.notes.begin(), plan.notes.end())}};
}

base::Result<ExitCode> import(const ImportOptions& options, Session& session) {
  FM_ASSIGN(const models::ImportRequest request, request_of(options, session));
  FM_ASSIGN(const models::ImportPlan plan, models::plan_import(request));
  json::object result = plan_json(plan);
  if (!session.json()) print_plan(plan, session);
  if (options.dry_run) {
    if (session.json())
      session.print_json(result);
    else
      session.out() << fmt::format("would be {}; nothing was written\n",
                                   printable((request.into / plan.manifest.id()).string()));
    return ExitCode::Ok;
  }
  std::optional<ImportDisplay> display;
  if (session.terminal().interactive && !session.json()) display.emplace(session, plan.size_bytes);
  const auto written = models::write_import(plan, request, [&](std::uint64_t done, std::string_view file) {
    if (display) display->draw(done, file);
    return !session.host().keep_going || session.host().keep_going();
  });
  display.reset();
  if (!written.ok() && written.error().code == models::kImportStopped) {
    session.print_error(written.error());
    return ExitCode::Interrupted;
  }
  if (!written.ok()) return written.error();
  if (!session.json()) {
    for (const models::PackageFile& file : written->manifest.files)
      session.out() << fmt::format("{}{}, {}, {}\n", pad_right("file", kKeyWidth), printable(file.path),
                                   bytes_text(file.size_bytes), file.sha256.hex());
    session.out() << fmt::format("imported {}, digest {}\n", printable(written->directory.string()),
                                 written->root_digest.hex());
    return ExitCode::Ok;
  }
  json::array files;
  for (const models::PackageFile& file : written->manifest.files)
    files.push_back(json::object{{"path", file.path}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256.hex()}});
  result["directory"] = written->directory.string();
  result["digest"] = written->root_digest.hex();
  result["files"] = std::move(files);
  session.print_json(result);
  return ExitCode::Ok;
}

struct RemoveOptions {
  std::string package;
  std::vector<std::string> models;
  bool force = false;
};

base::Result<ExitCode> remove(const RemoveOptions& options, Session& session) {
  FM_ASSIGN(const models::Package package, find_package(options.package, options.models, session));
  FM_TRY(models::remove_package(package, options.force ? models::OtherFiles::Removed : models::OtherFiles::Refused));
  if (session.json())
    session.print_json(json::object{{"id", package.manifest.id()}, {"directory", package.directory.string()}});
  else
    session.out() << fmt::format("removed {}\n", printable(package.directory.string()));
  return ExitCode::Ok;
}

void declare_import(Arguments& group) {
  auto options = std::make_shared<ImportOptions>();
  Arguments verb = group.verb("import", "Make a package of a downloaded model",
                              "framemill model import Wan2.1-T2V-1.3B-Diffusers --name wan2.1-t2v-1.3b@1");
  verb.positional("DIR|FILE", options->sources,
                  "A directory in diffusers' layout, or safetensors files, a tokenizer and config.json files");
  verb.option("--name", options->name, "NAME@VERSION", "The package's id; default: the directory's name, version 1");
  verb.option("--into", options->into, "DIR",
              "Where the package goes; default: the first models directory of config.toml, else ./models");
  verb.option("--licence", options->licence, "SPDX",
              "The model's licence; default: what its model card (README.md) states");
  verb.option("--compute", options->compute, "bf16|f32", "Precision of denoiser and text encoder; default: bf16");
  verb.flag("--copy", options->copy, "Copy the weights, instead of giving them a second name on the same file system");
  verb.flag("--link", options->link, "Leave the weights where they are and point to them with symbolic links");
  verb.flag("--dry-run", options->dry_run,
            "Say what was recognised and check every tensor's name and shape; write nothing");
  verb.run([options](Session& session) { return import(*options, session); });
}

void declare_remove(Arguments& group) {
  auto options = std::make_shared<RemoveOptions>();
  Arguments verb = group.verb("remove", "Remove a package from this host", "framemill model remove wan2.1-t2v-1.3b@1");
  verb.positional("PACKAGE", options->package, "name@version, or a package's directory");
  verb.option("--models", options->models, "DIR",
              "A directory of packages; repeatable; default: those of config.toml, else ./models");
  verb.flag("--force", options->force, "Remove files that the manifest does not name as well");
  verb.run([options](Session& session) { return remove(*options, session); });
}

}  // namespace

void declare_model_changes(Arguments& group) {
  declare_import(group);
  declare_remove(group);
}

}  // namespace framemill::cli
