// A model as it was found on disk, before anything of it is checked against its tensors or written: its networks with
// their configurations and files, and what the publisher says of how it is sampled.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/component.h"
#include "models/import/network_configs.h"

namespace framemill::models {

struct FoundFile {
  std::filesystem::path source;  // no link: what it led to
  std::string path;              // in the package
  std::uint64_t size_bytes = 0;
};

struct FoundComponent {
  ComponentRole role = ComponentRole::Denoiser;
  std::string architecture;
  ComponentConfig config;
  std::vector<FoundFile> files;
};

struct FoundModel {
  std::string layout;  // "diffusers directory of a WanPipeline", "3 files"
  std::string name;    // for the package, from the directory's or the denoiser's name; may be empty
  std::vector<FoundComponent> components;
  SchedulerConfig scheduler;
  std::optional<double> boundary;     // between two experts
  bool is_first_frame_given = false;  // a noise level for each token: the first frame may be clean (2.2 5B)
  std::string tokenizer;              // contents, where a text encoder's file carries it; else a component has its file
  std::vector<std::filesystem::path> directories;  // where the publisher's licence may lie
  std::vector<std::string> notes;                  // what was assumed, as sentences
};

// A plain file, or a link to one. Errors: file.*, model.import, model.pickle (what only code could read).
base::Result<FoundFile> find_file(const std::filesystem::path& source, std::string path);

// "transformer/model.safetensors": a path that a manifest may hold, whatever characters the file's name has.
std::string package_path(std::string_view folder, const std::string& file_name);

// "wan2.1-t2v-1.3b" of ".../Wan2.1-T2V-1.3B-Diffusers" or of a snapshot of it in the Hugging Face cache; empty when
// nothing of the name can stand in a package's.
std::string package_name(const std::filesystem::path& source);

// A directory in the layout that diffusers writes. Errors: model.import with everything that is missing, model.network,
// model.pickle, file.*.
base::Result<FoundModel> find_diffusers_model(const std::filesystem::path& directory);

// Single files, with the names of the authors or ComfyUI or the canonical ones: safetensors of a denoiser (or of two
// experts, told apart by "high" and "low" in their names), a text encoder and an autoencoder, whole or in numbered parts;
// a tokenizer; config.json files for what shapes do not tell. Errors: as above.
base::Result<FoundModel> find_single_files(const std::vector<std::filesystem::path>& files);

// One error for all problems, model.import; none: {}.
base::Status all_of(const std::vector<std::string>& problems, std::string_view what, std::string hint);

}  // namespace framemill::models
