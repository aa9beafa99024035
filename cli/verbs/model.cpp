// framemill model: the model packages of this host.
#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "base/nearest.h"
#include "cli/table.h"
#include "cli/verbs/model_import.h"
#include "cli/verbs/verbs.h"
#include "jobs/window_shape.h"
#include "models/package.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kKeyWidth = 22;  // of the longest key of `show`, and a gap

struct Options {
  std::string package;
  std::vector<std::string> models;
};

base::Result<models::PackageShelf> open_shelf(const std::vector<std::string>& given, Session& session) {
  FM_ASSIGN(const auto roots, package_roots(given, session));
  return models::PackageShelf::open(roots);
}

base::Result<ExitCode> list(const Options& options, Session& session) {
  FM_ASSIGN(const models::PackageShelf shelf, open_shelf(options.models, session));
  Table table({{"PACKAGE"},
               {"SIZE"},
               {"WINDOW", Align::Right},
               {"FPS", Align::Right},
               {"LICENCE"},
               {"TITLE", Align::Left, true}});
  json::array items;
  for (const std::string& id : shelf.ids()) {
    const models::Package& package = *shelf.package(id);
    const models::Manifest& manifest = package.manifest;
    const jobs::PackageFacts facts = models::facts(package);
    table.add({id, fmt::format("{}x{}", facts.width, facts.height), std::to_string(manifest.window_frames),
               std::to_string(manifest.fps), manifest.licence, manifest.title});
    items.push_back(json::object{{"id", id},
                                 {"digest", package.root_digest.hex()},
                                 {"directory", package.directory.string()},
                                 {"title", manifest.title}});
  }
  for (const base::Error& problem : shelf.problems()) session.print_error(problem);
  if (session.json())
    session.print_json(json::object{{"items", items}});
  else
    session.out() << (table.empty() ? std::string("no packages were found\n") : table.text(session.terminal()));
  return shelf.problems().empty() ? ExitCode::Ok : ExitCode::Usage;
}

json::array components_json(const models::Manifest& manifest) {
  json::array out;
  for (const models::Component& component : manifest.components) {
    json::object row{{"role", json::string(models::name(component.role))}, {"architecture", component.architecture}};
    row["files"] = json::array(component.files.begin(), component.files.end());
    if (models::is_weights(component))
      row["compute"] = json::string(models::kComputeDtypes[static_cast<std::size_t>(component.compute)]);
    out.push_back(std::move(row));
  }
  return out;
}

json::object facts_json(const models::Package& package) {
  const models::Manifest& m = package.manifest;
  const jobs::PackageFacts facts = models::facts(package);
  json::array files;
  for (const models::PackageFile& file : m.files)
    files.push_back(json::object{{"path", file.path}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256.hex()}});
  return {{"id", m.id()},
          {"title", m.title},
          {"digest", package.root_digest.hex()},
          {"directory", package.directory.string()},
          {"licence", m.licence},
          {"training_data", m.provenance.training_data},
          {"program", m.provenance.program},
          {"seed", m.provenance.seed},
          {"hardware", m.provenance.hardware},
          {"width", facts.width},
          {"height", facts.height},
          {"fps", m.fps},
          {"sizes", jobs::sizes_allowed(facts)},
          {"window_frames", m.window_frames},
          {"windows", jobs::lengths_allowed(facts)},
          {"context_frames", m.context_frames},
          {"default_steps", m.default_steps},
          {"steps_max", m.steps_max},
          {"default_guidance", m.default_guidance},
          {"guidance_max", m.guidance_max},
          {"guidance_min_level", m.guidance_min_level},
          {"guidance_rescale", m.guidance_rescale},
          {"noise_shift", m.noise_shift},
          {"batch_max", m.batch_max},
          {"batch_max_cpu", m.batch_max_cpu},
          {"colour_space", m.colour_space},
          {"conditioning", facts.conditioning == jobs::ConditioningKind::Text
                               ? fmt::format("any text of up to {} tokens", facts.max_tokens)
                               : std::string("words of its vocabulary")},
          {"sampler", json::string(models::kSamplerKinds[static_cast<std::size_t>(m.sampler)])},
          {"components", components_json(m)},
          {"files", std::move(files)}};
}

base::Result<ExitCode> show(const Options& options, Session& session) {
  FM_ASSIGN(const models::Package package, find_package(options.package, options.models, session));
  json::object facts = facts_json(package);
  if (session.json()) {
    const std::vector<std::string> notes = models::lint(package);
    facts["notes"] = json::array(notes.begin(), notes.end());
    session.print_json(facts);
    return ExitCode::Ok;
  }
  for (const auto& item : facts) {
    if (item.value().is_array()) continue;
    std::string text;
    if (item.value().is_string())
      text = item.value().get_string();
    else if (item.value().is_double())
      text = fmt::format("{}", item.value().get_double());
    else
      text = json::serialize(item.value());
    session.out() << pad_right(std::string(item.key()), kKeyWidth) << printable(text) << '\n';
  }
  for (const models::Component& component : package.manifest.components)
    session.out() << fmt::format("{:<{}}{}: {}\n", "component", kKeyWidth, models::name(component.role),
                                 component.architecture);
  for (const models::PackageFile& file : package.manifest.files)
    session.out() << fmt::format("{:<{}}{}, {}, {}\n", "file", kKeyWidth, printable(file.path),
                                 bytes_text(file.size_bytes), file.sha256.hex());
  for (const std::string& finding : models::lint(package)) session.out() << "note: " << printable(finding) << '\n';
  return ExitCode::Ok;
}

json::array faults_json(const std::vector<base::Error>& faults) {
  json::array out;
  for (const base::Error& fault : faults)
    out.push_back(json::object{{"code", fault.code}, {"message", fault.message}, {"hint", fault.hint}});
  return out;
}

base::Result<ExitCode> verify(const Options& options, Session& session) {
  FM_ASSIGN(const models::Package package, find_package(options.package, options.models, session));
  const std::vector<base::Error> faults = models::faults(package);
  if (session.json())
    session.print_json(json::object{{"id", package.manifest.id()},
                                    {"digest", package.root_digest.hex()},
                                    {"ok", faults.empty()},
                                    {"faults", faults_json(faults)}});
  else if (faults.empty())
    session.out() << fmt::format(
        "{}: {} as the manifest says, the weights match its network, digest {}\n", package.manifest.id(),
        counted(static_cast<std::int64_t>(package.manifest.files.size()), "file"), package.root_digest.hex());
  else
    for (const base::Error& fault : faults) session.print_error(fault);
  return faults.empty() ? ExitCode::Ok : ExitCode::Usage;
}

base::Result<ExitCode> vocabulary(const Options& options, Session& session) {
  FM_ASSIGN(const models::Package package, find_package(options.package, options.models, session));
  if (package.manifest.component(models::ComponentRole::Vocabulary) == nullptr)
    return base::Error{"model.no_vocabulary",
                       fmt::format("{} has no vocabulary: its prompts are any text of up to {} tokens",
                                   package.manifest.id(), package.manifest.conditioning.max_tokens),
                       "PACKAGE", ""};
  json::array slots;
  for (const models::VocabularySlot& slot : package.vocabulary.slots) {
    json::array values;
    const bool of_object = slot.scope == models::SlotScope::Object;
    if (!session.json())
      session.out() << paint(session.terminal(), Tone::Strong, printable(slot.name))
                    << (of_object ? " (of an object)" : "") << '\n';
    for (const models::VocabularyValue& value : slot.values) {
      if (value.name == "none") continue;  // what a slot holds that nothing was said of; no word
      json::array words;
      std::string others;
      for (const std::string& word : value.words) {
        words.push_back(json::string(word));
        if (word != value.name) others += (others.empty() ? "" : ", ") + word;
      }
      if (!session.json())
        session.out() << "  "
                      << (others.empty() ? printable(value.name)
                                         : pad_right(printable(value.name), 14) + printable(others))
                      << '\n';
      values.push_back(json::object{{"name", value.name}, {"words", std::move(words)}});
    }
    slots.push_back(json::object{{"slot", slot.name}, {"of_object", of_object}, {"values", std::move(values)}});
  }
  const models::Vocabulary& words = package.vocabulary;
  if (session.json()) {
    session.print_json(json::object{{"id", package.manifest.id()},
                                    {"objects_max", words.objects_max},
                                    {"slots", std::move(slots)},
                                    {"camera_words", json::array(words.camera_words.begin(), words.camera_words.end())},
                                    {"ignored", json::array(words.ignored.begin(), words.ignored.end())}});
    return ExitCode::Ok;
  }
  session.out() << fmt::format(
      "at most {}; adjectives belong to the next object; a motion after one of these is the camera's: {}\n"
      "accepted and without meaning: {}\n",
      counted(words.objects_max, "object"), printable(fmt::format("{}", fmt::join(words.camera_words, ", "))),
      printable(fmt::format("{}", fmt::join(words.ignored, ", "))));
  return ExitCode::Ok;
}

using Run = base::Result<ExitCode> (*)(const Options&, Session&);

void declare_one(Arguments& group, const std::string& name, const std::string& summary, const std::string& example,
                 Run run) {
  auto options = std::make_shared<Options>();
  Arguments verb = group.verb(name, summary, example);
  if (name != "list") verb.positional("PACKAGE", options->package, "name@version, or a package's directory");
  verb.option("--models", options->models, "DIR",
              "A directory of packages; repeatable; default: those of config.toml, else ./models");
  verb.run([options, run](Session& session) { return run(*options, session); });
}

}  // namespace

base::Result<std::vector<std::filesystem::path>> package_roots(const std::vector<std::string>& given,
                                                               Session& session) {
  FM_ASSIGN(const Settings settings, session.settings());
  std::vector<std::filesystem::path> roots(given.begin(), given.end());
  if (roots.empty()) roots = settings.models;
  std::error_code ignored;
  if (roots.empty() && std::filesystem::is_directory("models", ignored)) roots = {"models"};
  if (roots.empty())
    return base::Error{"usage.models", "no directory of model packages is known", "--models",
                       "give --models DIR, or set models in config.toml"};
  return roots;
}

base::Result<models::Package> find_package(const std::string& package, const std::vector<std::string>& roots,
                                           Session& session) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::path(package) / "model.toml", ignored))
    return models::open_package(std::filesystem::weakly_canonical(package));
  FM_ASSIGN(const models::PackageShelf shelf, open_shelf(roots, session));
  if (const models::Package* found = shelf.package(package)) return *found;
  for (const base::Error& problem : shelf.problems()) session.print_error(problem);
  const std::string known = base::listed(shelf.ids(), 10);
  return base::Error{"model.unknown", fmt::format("package '{}' not found", printable(package)), "PACKAGE",
                     known.empty() ? "no packages were found" : "known packages: " + known};
}

void declare_model(Arguments& program) {
  Arguments group =
      program.group("model", "Look at model packages of this host", "framemill model vocabulary demo-clips@1");
  declare_one(group, "list", "List packages", "framemill model list --models models", list);
  declare_one(group, "show", "Print what a package is and needs", "framemill model show demo-clips@1", show);
  declare_one(group, "verify", "Check whether a package would load: digests, tensors, values",
              "framemill model verify demo-clips@1", verify);
  declare_one(group, "vocabulary", "List the words its prompts may use", "framemill model vocabulary demo-clips@1",
              vocabulary);
  declare_model_changes(group);
}

}  // namespace framemill::cli
